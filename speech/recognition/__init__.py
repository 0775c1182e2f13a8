"""From sound to written words: utterances cut out of a grant, and the engine that writes them down."""
