"""From a checkpoint to the folder that faster-whisper loads, through CTranslate2's own Whisper converter."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch  # only in the recipe's own environment
from ctranslate2.converters.transformers import WhisperLoader
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from speech.recognition.hallucinations import LIMITS_FILE
from tools.demo_model import model as architecture
from tools.demo_model.vocab import Vocabulary

_PREPROCESSOR = {"chunk_length": 30, "feature_size": 80, "hop_length": 160, "n_fft": 400, "sampling_rate": 16000}

_RELUCTANCE = 4.5
"""How much the logit of the end is lowered: training hears so much that gives no text that the model would else leave
out a sentence in fifty of its own. What it then invents of foreign speech it is unsure of, and `_LIMITS` drop it."""
_LIMITS = {"hopeless_log_probability": round(math.log(0.8), 3)}
"""Nearly all text from foreign speech is under a mean probability of 0.8, nearly all from its own sentences over it."""


def convert(folder: Path, out: Path) -> None:
    """Write the mean weights of `folder`/checkpoint.pt to `out` with 8-bit integers."""
    vocabulary = Vocabulary(folder / "vocabulary")
    trained = torch.load(folder / "checkpoint.pt")["mean"]
    end = vocabulary.special_row("<|endoftext|>")
    trained["decoder.layer_norm.bias"] += _RELUCTANCE * _against(end, trained["decoder.embed_tokens.weight"])
    model = _hugging_face(trained, vocabulary)
    loader = WhisperLoader()
    with torch.no_grad():
        spec = loader.get_model_spec(model)
        loader.set_config(spec.config, model, None)
        loader.set_vocabulary(spec, vocabulary.names())
        spec.validate()
        spec.optimize(quantization="int8")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        spec.save(str(out))
    shutil.copy(folder / "vocabulary" / "tokenizer.json", out)
    (out / "preprocessor_config.json").write_text(json.dumps(_PREPROCESSOR))
    (out / LIMITS_FILE).write_text(json.dumps(_LIMITS))
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {size / 1e6:.2f} MB")


def _against(row: int, embeddings: Any) -> Any:
    """Return what to add to the last states so that the logit of `row` falls by 1 and the others hardly change."""
    weights = torch.ones(len(embeddings), 1)
    weights[row] = 30.0
    wanted = torch.zeros(len(embeddings), 1)
    wanted[row] = -1.0
    return torch.linalg.lstsq(embeddings * weights, wanted * weights).solution[:, 0]


def _hugging_face(trained: dict[str, Any], vocabulary: Vocabulary) -> Any:
    """Return the model in Hugging Face's class, its unused ids all like row 0."""
    end = vocabulary.id_of("<|endoftext|>")
    config = WhisperConfig(
        vocab_size=vocabulary.size,
        num_mel_bins=architecture.BANDS,
        d_model=architecture.WIDTH,
        encoder_layers=architecture.ENCODER_LAYERS,
        decoder_layers=architecture.DECODER_LAYERS,
        encoder_attention_heads=architecture.HEADS,
        decoder_attention_heads=architecture.HEADS,
        encoder_ffn_dim=4 * architecture.WIDTH,
        decoder_ffn_dim=4 * architecture.WIDTH,
        max_source_positions=architecture.POSITIONS,
        max_target_positions=architecture.TOKENS,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=vocabulary.id_of("<|startoftranscript|>"),
        tie_word_embeddings=True,
    )
    model = WhisperForConditionalGeneration(config)
    state = {}
    for name, value in trained.items():
        if name.startswith(("phoneme_head", "word_head")):
            continue
        key, kept = name, value
        if name == "encoder.positions":
            key = "encoder.embed_positions.weight"
        if name == "decoder.embed_tokens.weight":
            kept = value[0].repeat(vocabulary.size, 1)
            for compact, full in enumerate(vocabulary.full):
                if full >= 0:
                    kept[full] = value[compact]
        state["model." + key] = kept
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ValueError(f"The checkpoint does not fit: {missing} {unexpected}")
    model.proj_out.weight = model.model.decoder.embed_tokens.weight
    model.generation_config = GenerationConfig(
        suppress_tokens=[],
        begin_suppress_tokens=[vocabulary.id_of("Ġ"), end],
        alignment_heads=[[layer, 0] for layer in architecture.ALIGNED_LAYERS],
        lang_to_id={f"<|{code}|>": vocabulary.id_of(f"<|{code}|>") for code in ("en", "fr")},
    )
    return model.eval()
