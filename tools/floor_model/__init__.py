"""How the model that hears somebody else speak on a mixed call is made; nothing of it is installed."""
