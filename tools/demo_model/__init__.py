"""How the demo model is made: sentences, synthetic speech, training, conversion. Nothing of it enters the product."""
