"""The probes' figures again, in plain torch, from the formulas of the papers. Knows nothing of rowscope.

h_t is the last hidden state that the output matrix U multiplies, p_t = softmax of the logits at position t,
y_t the one-hot target; a soft cap c turns a product z into c tanh(z / c).
"""

from __future__ import annotations

import math

import torch


def run(network, ids, decoder=None, **more):
    """Logits [positions, vocabulary] in float64, what went into the head, and the hidden states."""
    seen = {}
    head = network.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, inputs, output: seen.update(hidden=inputs[0]))
    inputs = {"input_ids": torch.tensor([ids])}
    if decoder is not None:
        inputs["decoder_input_ids"] = torch.tensor([decoder])
    try:
        found = network(**inputs, output_hidden_states=True, use_cache=False, **more)
    finally:
        hook.remove()
    states = getattr(found, "encoder_hidden_states", None) or found.hidden_states
    return found.logits[0], seen["hidden"][0], [state[0] for state in states]


def mean_pairwise_cosine(rows):
    units = rows / rows.norm(dim=-1, keepdim=True)
    table = units @ units.T
    n = len(rows)
    return float((table.sum() - table.diagonal().sum()) / (n * (n - 1)))


def forward(network, sequences, slot, read, probed, used, decoder=None):
    """Logits of `probed` at position `read`, entropies, divergence, and hidden states at `slot`."""
    logits, states = [], []
    with torch.no_grad():
        for ids in sequences:
            found, _, hidden = run(network, ids, decoder)
            logits.append(found[read].double())
            states.append(torch.stack([state[slot].double() for state in hidden]))
    logits, states = torch.stack(logits), torch.stack(states)
    p = logits.softmax(-1)
    entropy = -(p * p.log()).sum(-1)
    mean = p.mean(0)
    chosen, others = logits[:, probed], logits[:, used]
    lower = (others[:, None, :] < chosen[:, :, None]).double().mean(-1)
    equal = (others[:, None, :] == chosen[:, :, None]).double().mean(-1)
    return {
        "mean": float(chosen.mean()),
        "std": float(chosen.std()),
        "spread": float(chosen.std(dim=1).mean()),
        "used_mean": float(others.mean()),
        "used_std": float(others.std()),
        "percentile": float(100 * (lower + equal / 2).mean()),
        "best_rank": int((logits > chosen.amax(1, keepdim=True)).sum(1).min()) + 1,
        "mass": float(p[:, probed].sum(1).mean()),
        "entropy": float(entropy.mean()),
        "js_nats": float(-(mean * mean.log()).sum() - entropy.mean()),
        "variation": float((p - p[0]).abs().sum(-1).max() / 2),
        "hidden_cosine": mean_pairwise_cosine(states[:, -1]),
        "layers": states.norm(dim=-1).mean(0).tolist(),
    }


def gradient(network, ids, targets, decoder=None, cap=None):
    """Loss, gradient of the whole input and output matrix, and the output path's by (1/T) sum (p - y) h.

    `targets` maps a position to what it should predict. Where one matrix has both roles, the input path is
    what the output path leaves of the whole.
    """
    source, target = network.get_input_embeddings().weight, network.get_output_embeddings().weight
    for weight in (source, target):
        weight.requires_grad_(True)
    logits, hidden, _ = run(network, ids, decoder)
    at, wanted = torch.tensor(list(targets)), torch.tensor(list(targets.values()))
    log_p = logits[at].log_softmax(-1)
    loss = -log_p[torch.arange(len(at)), wanted].mean()
    whole = torch.autograd.grad(loss, [source] if source is target else [source, target], allow_unused=True)
    whole = [torch.zeros_like(source) if part is None else part for part in whole]
    for weight in (source, target):
        weight.requires_grad_(False)
    factor = log_p.detach().double().exp()
    factor[torch.arange(len(at)), wanted] -= 1
    factor /= len(at)
    if cap is not None:
        factor = factor * (1 - (logits[at].detach().double() / cap) ** 2)
    output = factor.T @ hidden[at].detach().double()
    own = whole[0].double() - output if source is target else whole[0].double()
    return float(loss.detach()), whole[0].double(), own, output


def masses(network, ids, probed, temperature, masked=(), decoder=None):
    """Probability of `probed` together at each position, with the logits `masked` at minus infinity."""
    with torch.no_grad():
        logits = run(network, ids, decoder)[0].double()
    logits[:, list(masked)] = -math.inf
    return (logits / temperature).softmax(-1)[:, probed].sum(-1)


def every_next(ids):
    """An item of `mean_loss` for a causal model: each id is due behind those before it."""
    return ids, None, ids[1:]


def mean_loss(network, items):
    """Mean cross-entropy in nats a token, one item after the other: (ids read, decoder or None, targets), the
    first of which is due at position 0 of the logits."""
    losses = []
    for ids, decoder, targets in items:
        log_p = run(network, ids, decoder)[0].log_softmax(-1)
        losses.append(-log_p[torch.arange(len(targets)), torch.tensor(targets)])
    return torch.cat(losses).mean()


def answer(network, ids, token, decoder=None):
    """Log-probability of a token behind all of a sequence, float64."""
    with torch.no_grad():
        return float(run(network, ids, decoder)[0][-1].double().log_softmax(-1)[token])


def distil_loss(network, id, pairs):
    """Input row of `id` -> sum |h - g|^2 / sum |g|^2 over the last hidden states h; g with the pieces.

    `pairs` are ((ids with the pieces, positions), (ids with the new token, positions)) of each text. The row
    is put into the whole table.
    """
    weight = network.get_input_embeddings().weight.detach()
    name = next(n for n, p in network.named_parameters() if p is network.get_input_embeddings().weight)

    def states(row, readings):
        table = weight.index_copy(0, torch.tensor([id]), row[None].to(weight.dtype))
        found = []
        for ids, at in readings:
            inputs = {"input_ids": torch.tensor([ids]), "output_hidden_states": True, "use_cache": False}
            out = torch.func.functional_call(network, {name: table}, (), inputs)
            found.append(out.hidden_states[-1][0, at])
        return torch.cat(found)

    with torch.no_grad():
        goal = states(weight[id], [pieces for pieces, _ in pairs])
    return lambda row: ((states(row, [token for _, token in pairs]) - goal) ** 2).sum() / (goal**2).sum()


def filled(weight, rows):
    """The mean of rows, at their median norm."""
    some = weight.detach()[rows].double()
    mean = some.mean(0)
    norms = some.norm(dim=1).sort().values
    middle = len(norms) // 2
    median = norms[middle] if len(norms) % 2 else (norms[middle - 1] + norms[middle]) / 2
    return mean * median / mean.norm()


def adamw(parameters, loss_of, steps, rate, decay, betas=(0.9, 0.999), eps=1e-8, keep=None):
    """AdamW by its formula (Loshchilov and Hutter, algorithm 2); losses of the steps.

    `keep(gradient)` changes a gradient before it counts.
    """
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step in range(1, steps + 1):
        for p in parameters:
            p.requires_grad_(True)
        loss = loss_of(step - 1)
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        losses.append(float(loss.detach()))
        with torch.no_grad():
            for p, g, m, v in zip(parameters, found, first, second, strict=True):
                p.requires_grad_(False)
                if g is None:
                    continue
                g = keep(g) if keep else g
                m.mul_(betas[0]).add_(g, alpha=1 - betas[0])
                v.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
                p.mul_(1 - rate * decay)
                p.sub_(rate * (m / (1 - betas[0] ** step)) / ((v / (1 - betas[1] ** step)).sqrt() + eps))
    return losses


def policy(network, texts, places, probed, options, masked):
    """REINFORCE on the output matrix alone, through autograd: L = -A mean log p(token), k times.

    `texts` are (ids read, decoder or None, drawn ids, position of the first draw), `places` the same without
    draws: (ids, decoder, positions). Gives logits [positions, vocabulary] of each place, float64, before the
    first step and after each.
    """
    steps, rate, advantage, optimizer = options
    head = network.get_output_embeddings()
    stored = head.weight
    head.weight = torch.nn.Parameter(stored.detach().clone())
    make = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[optimizer]
    chosen = make([head.weight], lr=rate, weight_decay=0.0)

    def look():
        with torch.no_grad():
            return [run(network, ids, decoder)[0][at].double() for ids, decoder, at in places]

    try:
        looks, losses = [look()], []
        for _ in range(steps):
            found = []
            for ids, decoder, drawn, start in texts:
                logits = run(network, ids, decoder)[0][start : start + len(drawn)]
                if masked:
                    logits = logits.index_fill(-1, torch.tensor(probed), -math.inf)
                log_p = logits.log_softmax(-1)[torch.arange(len(drawn)), torch.tensor(drawn)]
                found.append(log_p[log_p > -math.inf])
            loss = -advantage * torch.cat(found).mean()
            chosen.zero_grad()
            loss.backward()
            chosen.step()
            losses.append(float(loss.detach()))
            looks.append(look())
    finally:
        head.weight = stored
    return looks, losses
