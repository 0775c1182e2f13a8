"""Whisper's architecture on a compact vocabulary; its parameters are named as in Hugging Face's.

faster-whisper pads every call to 30 s, 1500 positions. Training would spend most of its time on that padding, so it
takes a few of the padded positions, drawn anew each time, for all of them: their logits in the attention are raised by
the log of how many positions each stands for.
"""

from __future__ import annotations

import math
from typing import Any

import torch  # only in the recipe's own environment
from torch import nn
from torch.nn import functional

POSITIONS, TOKENS, BANDS = 1500, 448, 80
WIDTH, HEADS, ENCODER_LAYERS, DECODER_LAYERS = 128, 4, 4, 3
ALIGNED_LAYERS = (1, 2)
"""Decoder layers whose first head is taught where each token is heard."""
_STAND_INS = 6
Tensor = Any
"""A torch.Tensor; torch has no place in the environment that is checked."""


def sinusoids(length: int, channels: int) -> Tensor:
    """Return Whisper's table of positions."""
    step = math.log(10000) / (channels // 2 - 1)
    t = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(channels // 2))[None]
    return torch.cat([t.sin(), t.cos()], 1)


class Attention(nn.Module):
    """Attention over itself or over a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.k_proj = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor, memory: Tensor | None, bias: Tensor | None, *, aligned: bool) -> Any:
        """Return the outcome and, where `aligned`, the log-weights of the first head."""
        batch, _, _ = x.shape
        memory = x if memory is None else memory
        causal = memory is x and bias is None

        def split(y: Tensor) -> Tensor:
            return y.view(batch, -1, HEADS, WIDTH // HEADS).transpose(1, 2)

        q, k, v = split(self.q_proj(x)), split(self.k_proj(memory)), split(self.v_proj(memory))
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=causal)
        weights = None
        if aligned and bias is not None:
            score = q[:, 0] @ k[:, 0].transpose(1, 2) / math.sqrt(WIDTH // HEADS)
            weights = (score + bias[:, 0]).log_softmax(-1)
        return self.out_proj(out.transpose(1, 2).reshape(batch, -1, WIDTH)), weights


class Layer(nn.Module):
    """One layer of the encoder, or of the decoder where it attends a memory too."""

    def __init__(self, *, cross: bool) -> None:
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(), nn.LayerNorm(WIDTH)
        if cross:
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(), nn.LayerNorm(WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.final_layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, memory: Tensor | None, bias: Tensor, *, aligned: bool = False) -> Any:
        """Return the states and the log-weights of the aligned head."""
        weights = None
        own_bias = bias if memory is None else None
        x = x + self.self_attn(self.self_attn_layer_norm(x), None, own_bias, aligned=False)[0]
        if memory is not None:
            y, weights = self.encoder_attn(self.encoder_attn_layer_norm(x), memory, bias, aligned=aligned)
            x = x + y
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x)))), weights


class Encoder(nn.Module):
    """From log-mel frames to states, two frames a state."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions: Tensor
        self.register_buffer("positions", sinusoids(POSITIONS, WIDTH))
        self.layers = nn.ModuleList(Layer(cross=False) for _ in range(ENCODER_LAYERS))
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the states, the bias of attention over them, and the middle layer's states.

        Args:
            mel: (batch, 80, frames), an even number of frames, padded with zeros.
        """
        count = mel.shape[2] // 2 + 1
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(functional.pad(mel, (0, 6)))))).transpose(1, 2)
        strata = (torch.arange(_STAND_INS) + torch.rand(_STAND_INS)) / _STAND_INS
        tail = count + (strata * (POSITIONS - count)).long()
        blank = x[:, count : count + 1].expand(-1, _STAND_INS, -1)  # saw nothing but padding
        x = torch.cat([x[:, :count] + self.positions[:count], blank + self.positions[tail]], 1)
        bias = torch.zeros(1, 1, 1, count + _STAND_INS)
        bias[..., count:] = math.log((POSITIONS - count) / _STAND_INS)
        middle = x
        for i, layer in enumerate(self.layers):
            x, _ = layer(x, None, bias)
            if i == ENCODER_LAYERS // 2 - 1:
                middle = x
        return self.layer_norm(x), bias, middle


class Decoder(nn.Module):
    """From states and tokens to the next token."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(tokens, WIDTH)
        nn.init.normal_(self.embed_tokens.weight, std=WIDTH**-0.5)
        self.embed_positions = nn.Embedding(TOKENS, WIDTH)
        self.embed_positions.weight.data = sinusoids(TOKENS, WIDTH) * 0.1
        self.layers = nn.ModuleList(Layer(cross=True) for _ in range(DECODER_LAYERS))
        self.layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens: Tensor, memory: Tensor, bias: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits and the log-weights of the aligned heads."""
        x = self.embed_tokens(tokens) + self.embed_positions.weight[: tokens.shape[1]]
        alignments = []
        for i, layer in enumerate(self.layers):
            x, weights = layer(x, memory, bias, aligned=i in ALIGNED_LAYERS)
            if weights is not None:
                alignments.append(weights)
        return functional.linear(self.layer_norm(x), self.embed_tokens.weight), alignments


class TinyWhisper(nn.Module):
    """The whole model, with two heads that only training needs: which phoneme and which word each state hears."""

    def __init__(self, tokens: int, unused: int, phonemes: int, words: int) -> None:
        """Start from random weights.

        Args:
            tokens: size of the compact vocabulary.
            unused: ids of the files that row 0 stands for.
            phonemes: classes of the phoneme head.
            words: classes of the word head.
        """
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder(tokens)
        self.phoneme_head, self.word_head = nn.Linear(WIDTH, phonemes), nn.Linear(WIDTH, words)
        self._log_unused = math.log(unused)

    def forward(self, mel: Tensor, tokens: Tensor, *, detached: bool) -> tuple[Tensor, list[Tensor], Tensor, Tensor]:
        """Return the logits, the alignments, the phonemes' and the words' logits; `detached` spares the encoder."""
        memory, bias, middle = self.encoder(mel)
        logits, alignments = self.decoder(tokens, memory, bias)
        logits = torch.cat([logits[..., :1] + self._log_unused, logits[..., 1:]], -1)
        heard = (middle.detach(), memory.detach()) if detached else (middle, memory)
        return logits, alignments, self.phoneme_head(heard[0]), self.word_head(heard[1])
