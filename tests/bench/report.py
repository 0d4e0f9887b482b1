"""report.py - turns the raw results (one JSON object per line) into tables of medians and ratios."""
import json, os, platform, statistics, subprocess, time

ORDER = ["direct", "floor", "pollux", "nginx-lua", "haproxy"]
BASE = "nginx-lua"
N = lambda d: (lambda v: f"{v:,.{d}f}")
# workload -> (title, explanation, columns). A column: (heading, key, format, ratios) with ratios out of "n" (to nginx+lua)
# and "d" (to direct).
T = {
    "W1": ("W1: small JSON answer, 64 keep-alive connections",
           "209 bytes of question, 1,193 bytes of answer, every answer compared byte for byte. `busy` is how much of its CPU share the proxy used: near 100 % it was the bottleneck, not the harness. `upstream conns` is how many connections the upstream had to accept during the run.",
           [("req/s", "rps", N(0), "nd"), ("CPU us/req", "cpu_us", N(1), "n"), ("p50 us", "p50_us", N(0), ""), ("p99 us", "p99_us", N(0), "n"), ("peak RSS MiB", "hwm_mib", N(1), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", ""), ("upstream conns", "up_conns", N(0), "")]),
    "W1w": ("W1w: the same with wrk as the client, as a cross-check", "wrk needs more CPU than the load client, so that fast peers are held back by the harness sooner (`busy`).",
           [("req/s", "rps", N(0), "nd"), ("CPU us/req", "cpu_us", N(1), "n"), ("p50 us", "p50_us", N(0), ""), ("p99 us", "p99_us", N(0), "n"), ("peak RSS MiB", "hwm_mib", N(1), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", ""), ("upstream conns", "up_conns", N(0), "")]),
    "W2": ("W2: latency at low load (200 req/s, one connection)",
           "Direct and proxy take turns in the same run; `added` is the difference to direct in that run. Most of it is the waking of an idle CPU (the floor shows it), so that differences of some tens of us say little about the proxy. p99 is that of the quietest repetition: one burst of other work decides it.",
           [("p50 us", "p50_us", N(0), "n"), ("p99 us, best", "p99_us", N(0), "", min), ("direct p50", "d50_us", N(0), ""), ("direct p99, best", "d99_us", N(0), "", min), ("added p50 us", "add50_us", N(0), "n"), ("CPU us/req", "cpu_us", N(0), "n")]),
    "W3": ("W3: event streams, 50 events of 300 bytes without a pause, 16 at a time",
           "The upstream writes every event by itself as fast as it can; a proxy that is behind gets several at once. `lag`: from the upstream's write to the client's read.",
           [("events/s", "eps", N(0), "nd"), ("CPU us/event", "cpu_us_ev", N(2), "n"), ("lag p50 us", "lag50_us", N(0), ""), ("lag p99 us", "lag99_us", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", "")]),
    "W3p": ("W3p: event streams, one event every 10 ms, 100 at a time",
            "10,000 events/s offered, each forwarded alone: the true cost of one event and the delay the proxy adds to it.",
            [("events/s", "eps", N(0), ""), ("CPU us/event", "cpu_us_ev", N(2), "n"), ("lag p50 us", "lag50_us", N(0), "n"), ("lag p99 us", "lag99_us", N(0), "n"), ("busy", "busy", lambda v: f"{v * 100:.0f} %", "")]),
    "W4": ("W4: 2,000 slow streams at the same time (20 events, 500 ms apart)", "`complete`: streams that delivered every event and ended properly. KiB/stream is the growth of peak RSS over idle, divided by the streams.",
           [("streams", "streams", N(0), ""), ("complete", "complete", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), ""), ("KiB/stream", "kib_stream", N(1), "n"), ("CPU us/event", "cpu_us_ev", N(2), "n"), ("lag p50 us", "lag50_us", N(0), ""), ("lag p99 us", "lag99_us", N(0), ""), ("seconds", "secs", N(1), "")]),
    "W4x": ("W4x: about 10,000 slow streams at the same time (20 events, 500 ms apart)", "As many as the limit of open files allows one process (two per stream).",
            [("streams", "streams", N(0), ""), ("complete", "complete", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), ""), ("KiB/stream", "kib_stream", N(1), "n"), ("CPU us/event", "cpu_us_ev", N(2), "n"), ("lag p50 us", "lag50_us", N(0), ""), ("lag p99 us", "lag99_us", N(0), ""), ("seconds", "secs", N(1), "")]),
    "W5": ("W5: failover storm, 10 of 20 keys answer 429, keys put aside for 1 s", "`errors`: answers other than the right one that reached the client, as a share of all. Must be 0.",
           [("req/s", "rps", N(0), "n"), ("errors", "error_rate", lambda v: f"{v * 100:.3f} %", ""), ("CPU us/req", "cpu_us", N(1), "n"), ("p99 us", "p99_us", N(0), ""), ("429s absorbed", "absorbed", N(0), ""), ("upstream conns", "up_conns", N(0), "")]),
    "W5f": ("W5f: forced failover, every second key answers 429, keys never put aside", "Every second request needs a second attempt: the price of a failover.",
            [("req/s", "rps", N(0), "n"), ("errors", "error_rate", lambda v: f"{v * 100:.3f} %", ""), ("CPU us/req", "cpu_us", N(1), "n"), ("p99 us", "p99_us", N(0), ""), ("429s per answer", "absorbed_per_req", N(2), ""), ("upstream conns", "up_conns", N(0), "")]),
    "W6": ("W6: uploads of 256 MiB", "Bytes counted at the upstream. `CPU ms/GiB` is the proxy's.",
           [("MiB/s", "mib_s", N(0), "nd"), ("CPU ms/GiB", "cpu_ms_gib", N(0), "n"), ("peak RSS MiB", "hwm_mib", N(1), "n")]),
    "W7": ("W7: as W1, TLS to the upstream", "TLS 1.3 where the peer speaks it, ECDSA P-256, certificate checked. `handshakes` during the run: a sign of connections that were not kept.",
           [("req/s", "rps", N(0), "nd"), ("CPU us/req", "cpu_us", N(1), "n"), ("p99 us", "p99_us", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", ""), ("handshakes", "handshakes", N(0), ""), ("of them full", "full", N(0), "")]),
    "W7f": ("W7f: forced failover (as W5f) over TLS", "A proxy that drops the connection that answered 429 pays for a handshake each time.",
            [("req/s", "rps", N(0), "n"), ("errors", "error_rate", lambda v: f"{v * 100:.3f} %", ""), ("CPU us/req", "cpu_us", N(1), "n"), ("p99 us", "p99_us", N(0), ""), ("handshakes", "handshakes", N(0), ""), ("of them full", "full", N(0), "")]),
    "W3t": ("W3t: as W3p, TLS to the upstream", "One event every 10 ms on each of 100 streams: one TLS record per event.",
            [("events/s", "eps", N(0), ""), ("CPU us/event", "cpu_us_ev", N(2), "n"), ("lag p50 us", "lag50_us", N(0), "n"), ("lag p99 us", "lag99_us", N(0), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", "")]),
    "W4t": ("W4t: as W4 (2,000 slow streams), TLS to the upstream", "What a TLS session costs in memory; 2,000 handshakes within four seconds included.",
            [("streams", "streams", N(0), ""), ("complete", "complete", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), ""), ("KiB/stream", "kib_stream", N(1), "n"), ("CPU s", "cpu_s", N(2), "n"), ("lag p50 us", "lag50_us", N(0), ""), ("lag p99 us", "lag99_us", N(0), ""), ("TTFB p99 us", "ttfb99_us", N(0), "")]),
    "W8": ("W8: OpenAI question translated to Gemini and back, 64 connections", "Ratios to Portkey.",
           [("req/s", "rps", N(0), "p"), ("CPU us/req", "cpu_us", N(1), "p"), ("p50 us", "p50_us", N(0), ""), ("p99 us", "p99_us", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), "p"), ("busy", "busy", lambda v: f"{v * 100:.0f} %", "")]),
    "W8s": ("W8s: streams translated, 50 events without a pause, 16 at a time", "Ratios to Portkey.",
            [("events/s", "eps", N(0), "p"), ("CPU us/event", "cpu_us_ev", N(2), "p"), ("peak RSS MiB", "hwm_mib", N(1), ""), ("busy", "busy", lambda v: f"{v * 100:.0f} %", "")]),
    "W10": ("W10: the policy reloaded once a second under load (64 connections)", "nginx: HUP to the master, which starts new workers with new Lua states.",
            [("req/s", "rps", N(0), "n"), ("reloads", "reloads", N(0), ""), ("errors", "errors", N(0), ""), ("client reconnects", "reconnects", N(0), ""), ("p99 us", "p99_us", N(0), "n"), ("max us", "max_us", N(0), ""), ("peak RSS MiB", "hwm_mib", N(1), "")]),
    "W9": ("W9: at rest", "`ready`: from exec to the first answer of 200 through the proxy (one probe every 2 ms). RSS and PSS summed over the processes after that answer. `own`: program and its own modules; `libs`: shared libraries or interpreter it needs besides libc.",
           [("ready ms", "ready_ms", N(0), "n"), ("RSS MiB", "rss_mib", N(1), "n"), ("PSS MiB", "pss_mib", N(1), "n"), ("wake-ups/s", "idle_wakeups_s", N(1), ""), ("disk own MiB", "disk_own_mib", N(1), ""), ("disk libs MiB", "disk_libs_mib", N(1), "")]),
}
RN = {"n": "x nginx+lua", "d": "x direct", "p": "x portkey"}
BASES = {"n": BASE, "d": "direct", "p": "portkey"}


def version(*cmd):
    try:
        o = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10).stdout.splitlines()
        return o[0].strip() if o else "?"
    except (OSError, subprocess.SubprocessError):
        return "not installed"


def machine():
    model = "?"
    try:
        with open("/proc/cpuinfo") as f:
            model = next(l.split(":", 1)[1].strip() for l in f if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{len(os.sched_getaffinity(0))} CPUs ({model}), kernel {platform.release()}"


def write(out):
    rows = []
    try:
        with open(out + ".jsonl") as f:
            rows = [json.loads(l) for l in f if l.strip()]
    except OSError:
        return
    notes = ""
    nf = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes.md")
    if os.path.exists(nf) and os.path.basename(out) == "results":
        with open(nf) as f:
            notes = f.read()
    stamp = time.strftime("%Y-%m-%d", time.localtime(os.path.getmtime(out + ".jsonl")))
    o = [f"# Benchmark of the peers, {stamp}", "",
         f"Machine: {machine()}. {version('nginx', '-v')}; {version('haproxy', '-v').split(' 20')[0]}; Node {version('node', '--version')}; {version('gcc', '--version')}.", "",
         "Medians over the repetitions; `x nginx+lua`, `x direct` and `x portkey` are medians of the ratios within one repetition. For CPU, latency, memory: below 1 is better than nginx+lua; for req/s, events/s, MiB/s: above 1 is better. `other load` is the share of the whole machine that neither proxy nor harness used (other people's work, median). `right`: every answer, count and byte was as it should be, in all repetitions. `floor` is a byte relay that reads no HTTP and does not do the job: what any proxy on epoll and sockets pays.", ""]
    if notes:
        o += [notes.rstrip(), ""]
    seen = []
    for wl in ["WC"] + list(T):
        mine = [r for r in rows if r["wl"] == wl]
        if not mine:
            continue
        if wl == "WC":
            o += ["## Does it do the job", ""]
            keys = [k for k in mine[0]["r"] if k not in ("ok",)]
            for r in mine:
                keys += [k for k in r["r"] if k not in keys and k != "ok"]
            o += ["| | " + " | ".join(k.replace("_", " ") for k in keys) + " |", "|---|" + "---|" * len(keys)]
            for p in sorted({r["peer"] for r in mine}, key=lambda n: ORDER.index(n) if n in ORDER else 2.5):
                r = [x for x in mine if x["peer"] == p][-1]["r"]
                o.append(f"| {p} | " + " | ".join(("yes" if r.get(k) == 1.0 else "no") if not isinstance(r.get(k), str) else r[k][:60] for k in keys) + " |")
            o += [""]
            continue
        title, text, cols = T[wl]
        for w in sorted({r["workers"] for r in mine}):
            part = [r for r in mine if r["workers"] == w]
            reps = sorted({r["rep"] for r in part})
            o += [f"## {title}" + (f", {w} workers" if w != 1 else (", 1 worker" if any(r["workers"] != 1 for r in mine) else "")), "", text + f" {len(reps)} repetition{'s' if len(reps) != 1 else ''}.", ""]
            head = ["peer"]
            for h, k, f, ra, *_ in cols:
                head += [h] + [RN[x] for x in ra]
            head += ["right", "other load"]
            o += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
            by = {}
            for r in part:
                by.setdefault(r["peer"], {})[r["rep"]] = r
            for p in sorted(by, key=lambda n: ORDER.index(n) if n in ORDER else 2.5):
                good = {i: r for i, r in by[p].items() if "failed_to_run" not in r["r"]}
                cells = [p]
                for h, k, f, ra, *agg in cols:
                    v = [r["r"][k] for r in good.values() if r["r"].get(k) is not None and not (k.startswith("lag") and not r["r"][k])]
                    if k.startswith("cpu_us") and p == "direct":
                        v = []
                    cells.append(f((agg[0] if agg else statistics.median)(v)) if v else "-")
                    for x in ra:
                        b = by.get(BASES[x], {})
                        q = [r["r"][k] / b[i]["r"][k] for i, r in good.items() if i in b and b[i]["r"].get(k) and r["r"].get(k) is not None]
                        cells.append(f"{statistics.median(q):.2f}" if q and v else "-")
                ok = sum(1 for r in by[p].values() if r["r"].get("ok"))
                cells.append("yes" if ok == len(by[p]) else f"**no** ({ok} of {len(by[p])})")
                cells.append(f"{statistics.median([r['foreign'] for r in by[p].values()]) * 100:.0f} %")
                o.append("| " + " | ".join(cells) + " |")
                for r in by[p].values():
                    if "failed_to_run" in r["r"]:
                        seen.append(f"- {wl} {p}, {w} worker(s), repetition {r['rep']}: {r['r']['failed_to_run'][:200]}")
            o += [""]
    if seen:
        o += ["## Did not run", ""] + seen + [""]
    with open(out + ".md", "w") as f:
        f.write("\n".join(o))
