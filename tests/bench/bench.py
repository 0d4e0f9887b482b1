#!/usr/bin/env python3
"""bench.py - runs the workloads against the peers; called by run.sh. Only the standard library.

Method: every measurement starts its proxy afresh, warms it up with checked answers, then measures. The peers take
turns within each workload of each repetition, so that they share the machine's noise; the tables show medians over the
repetitions, the ratios are medians of the ratios within one repetition. CPU is utime+stime of the proxy's processes
from /proc/PID/stat, peak memory is VmHWM summed over them. With one worker the proxy has the last CPU for itself and
client and upstream share the others; with more workers nothing is pinned."""
import argparse, json, os, random, re, shutil, signal, socket, statistics, string, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TCK = os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))
GEN = "/v1beta/models/gemini-2.0-flash:generateContent"
SSE = "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
UPL = "/upload/v1beta/files?uploadType=media"
OAI = "/v1/chat/completions"


# ---------------------------------------------------------------- processes
def stat_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            s = f.read()
        r = s.rsplit(")", 1)[1].split()
        return {"ppid": int(r[1]), "cpu": (int(r[11]) + int(r[12])) / TCK, "state": r[0]}
    except (OSError, IndexError):
        return None


def tree(roots):
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            s = stat_of(d)
            if s and s["state"] != "Z":
                kids.setdefault(s["ppid"], []).append(int(d))
    out, todo = [], [r for r in roots if stat_of(r)]
    while todo:
        p = todo.pop()
        if p not in out:
            out.append(p)
            todo += kids.get(p, [])
    return out


def cpu(pids):
    return sum((stat_of(p) or {"cpu": 0})["cpu"] for p in pids)


def mem(pids):
    hwm = rss = pss = 0
    for p in pids:
        try:
            with open(f"/proc/{p}/status") as f:
                t = f.read()
            hwm += int(re.search(r"VmHWM:\s+(\d+)", t).group(1))
            rss += int(re.search(r"VmRSS:\s+(\d+)", t).group(1))
            with open(f"/proc/{p}/smaps_rollup") as f:
                pss += int(re.search(r"\nPss:\s+(\d+)", f.read()).group(1))
        except (OSError, AttributeError):
            pass
    return {"hwm_kib": hwm, "rss_kib": rss, "pss_kib": pss}


def wakeups(pids):
    n = 0
    for p in pids:
        try:
            for t in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{t}/status") as f:
                    n += sum(int(x) for x in re.findall(r"ctxt_switches:\s+(\d+)", f.read()))
        except OSError:
            pass
    return n


def machine_busy():
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    return (sum(v) - v[3] - v[4]) / TCK


def free_port():
    for _ in range(200):
        p = random.randint(15000, 31000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", p))
                return p
            except OSError:
                pass
    raise SystemExit("no free port")


def http(port, method, path, headers=None, body=b"", timeout=10, host="127.0.0.1"):
    """One request on a connection of its own; returns (status, body)."""
    with socket.create_connection((host, port), timeout) as s:
        h = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{h}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        d = b""
        while True:
            c = s.recv(65536)
            if not c:
                break
            d += c
    head, _, rest = d.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        out = b""
        while rest:
            n, _, rest = rest.partition(b"\r\n")
            n = int(n.split(b";")[0] or b"0", 16)
            if not n:
                break
            out, rest = out + rest[:n], rest[n + 2:]
        rest = out
    return int(head.split()[1]) if head else 0, rest


def lag(o, q):
    return o["evlag"][q] if o["evlag"]["n"] else None  # a translation drops the time stamps


# ---------------------------------------------------------------- the harness
class Bench:
    def __init__(self, a):
        self.a = a
        self.tmp = tempfile.mkdtemp(prefix="pollux-bench-run-")
        self.build = a.build
        self.nofile = 0
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.nofile = hard
        self.many = min(10000, (hard - 200) // 2)  # a proxy needs two descriptors per stream
        self.token = "sk-client-0003"
        rnd = random.Random(1)
        key = lambda p: p + "".join(rnd.choice(string.ascii_letters + string.digits) for _ in range(39 - len(p)))
        good = [key("AIzaSy%02d" % i) for i in range(20)]
        bad = [key("bad%02d" % i) if i % 2 == 0 else good[i] for i in range(20)]
        self.keys_good, self.keys_bad = self.write("keys", good), self.write("keys.bad", bad)
        self.pool = set(good) | set(bad)
        self.tokens = self.write("tokens", ["sk-client-%04d" % i for i in range(10)])
        self.req = self.write("req.json", [json.dumps({"contents": [{"role": "user", "parts": [{"text": "Explain in three sentences what a key pool does and why a caller does not need to know about it."}]}], "generationConfig": {"temperature": 0.7, "maxOutputTokens": 256}})])
        oai = {"model": "gemini-2.0-flash", "messages": [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Explain in three sentences what a key pool does and why a caller does not need to know about it."}], "temperature": 0.7, "max_tokens": 256}
        self.oai = self.write("oai.json", [json.dumps(oai)])
        self.oais = self.write("oais.json", [json.dumps(dict(oai, stream=True))])
        self.harness_pids = []
        self.cert()
        self.up = self.start_upstream([])
        self.ups = self.start_upstream(["-C", self.path("srv.pem"), "-K", self.path("srv.key")])
        st, body = http(self.up, "POST", GEN, {"x-goog-api-key": "x"}, b"{}")
        self.expect = self.path("expect.json")
        with open(self.expect, "wb") as f:
            f.write(body)
        self.body_len = len(body)
        self.peers_dirs = [os.path.join(HERE, "peers")] + a.peers_dir
        self.results, self.sizes = [], {}
        self.again = 60  # so many measurements are repeated when other work took more than 30 % of the machine

    def path(self, n):
        return os.path.join(self.tmp, n)

    def write(self, n, lines):
        with open(self.path(n), "w") as f:
            f.write("\n".join(lines) + "\n")
        return self.path(n)

    def cert(self):
        r = lambda *c: subprocess.run(["openssl", *c], check=True, cwd=self.tmp, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        r("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=bench CA")
        r("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "srv.key", "-out", "srv.csr", "-subj", "/CN=localhost")
        with open(self.path("ext"), "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        r("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "srv.pem", "-days", "3650", "-extfile", "ext")

    def pin(self, what, workers):
        if workers == 1 and len(CPUS) > 1 and not self.a.no_pin:
            s = {CPUS[-1]} if what == "proxy" else set(CPUS[:-1])
        else:
            s = set(CPUS)
        return lambda: os.sched_setaffinity(0, s)

    def start_upstream(self, args):
        port = free_port()
        p = subprocess.Popen([os.path.join(self.build, "upstream"), "-p", str(port), *args], preexec_fn=self.pin("up", 1))
        self.harness_pids.append(p.pid)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        return port

    def up_affinity(self, workers):
        for p in self.harness_pids:
            if workers == 1 and len(CPUS) > 1 and not self.a.no_pin:
                os.sched_setaffinity(p, set(CPUS[:-1]))
            else:
                os.sched_setaffinity(p, set(CPUS))

    def ctl(self, path, tls=False):
        if not tls:
            return json.loads(http(self.up, "GET", path)[1])
        import ssl
        c = ssl.create_default_context(cafile=self.path("ca.pem"))
        with c.wrap_socket(socket.create_connection(("127.0.0.1", self.ups), 10), server_hostname="localhost") as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            d = b""
            while True:
                try:
                    x = s.recv(65536)
                except ssl.SSLError:
                    break
                if not x:
                    break
                d += x
        return json.loads(d.partition(b"\r\n\r\n")[2])

    # -- peers
    def peer_dir(self, name):
        for d in self.peers_dirs:
            if os.path.isdir(os.path.join(d, name)):
                return os.path.join(d, name)
        raise SystemExit(f"no peer {name}")

    def peer_conf(self, name):
        f = os.path.join(self.peer_dir(name), "peer.json")
        if os.path.exists(f):
            with open(f) as h:
                return json.load(h)
        return {}

    def does(self, name, wl):
        c = self.peer_conf(name)
        if c.get("direct"):
            return wl in ("W1", "W1w", "W2", "W3", "W3p", "W4", "W4x", "W6", "W7")
        base = wl
        if wl == "W10" and not os.path.exists(os.path.join(self.peer_dir(name), "reload.sh")):
            return False
        if "only" in c:
            return base in c["only"] or (base == "W4x" and "W4x" in c["only"])
        return base not in c.get("skip", [])

    def start(self, name, workers=1, keys=None, cooldown=1000, tls=False, conns=2048):
        """Starts a peer and waits for its first answer of 200."""
        port, wd = free_port(), tempfile.mkdtemp(prefix=name + "-", dir=self.tmp)
        env = dict(os.environ, LISTEN_PORT=str(port), KEYS=keys or self.keys_good, TOKENS=self.tokens, TOKEN=self.token,
                   WORKERS=str(workers), WORKDIR=wd, COOLDOWN_MS=str(cooldown), MAX_CONNS=str(conns),
                   UPSTREAM_URL=f"https://127.0.0.1:{self.ups}" if tls else f"http://127.0.0.1:{self.up}",
                   UPSTREAM_CA=self.path("ca.pem") if tls else "")
        self.up_affinity(workers)
        t0 = time.time()
        r = subprocess.run([os.path.join(self.peer_dir(name), "start.sh")], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, preexec_fn=self.pin("proxy", workers), timeout=60)
        m = re.search(r"pids:([ \d]+)", r.stdout)
        if r.returncode or not m:
            raise RuntimeError(f"{name}: start.sh failed: {r.stderr.strip()[:300]}")
        roots = [int(x) for x in m.group(1).split()]
        p = {"name": name, "port": port, "roots": roots, "wd": wd, "workers": workers, "tls": tls, "headers": {}}
        if os.path.exists(os.path.join(wd, "client.json")):
            with open(os.path.join(wd, "client.json")) as f:
                p["headers"] = json.load(f).get("headers", {})
        try:
            with open(os.path.join(wd, "t0")) as f:
                t0 = float(f.read())
        except (OSError, ValueError):
            pass
        oai = self.peer_conf(name).get("openai")
        with open(self.oai if oai else self.req, "rb") as f:
            body = f.read()
        h = dict({"x-goog-api-key": self.token, "Content-Type": "application/json"}, **p["headers"])
        ok, last = False, ""
        while time.time() - t0 < 40:
            try:
                st, b = http(port, "POST", OAI if oai else GEN, h, body, 10)
                if st == 200:
                    ok = True
                    break
                last = f"{st} {b[:200]}"
                time.sleep(0.02)
            except OSError as e:
                last = str(e)
                time.sleep(0.002)
            if not any(stat_of(x) for x in roots):
                break
        p["ready_s"] = time.time() - t0
        p["pids"] = tree(roots)
        if not ok:
            log = ""
            try:
                with open(os.path.join(wd, "out.log")) as f:
                    log = f.read()[-500:]
            except OSError:
                pass
            self.stop(p)
            raise RuntimeError(f"{name}: no answer of 200: {last} {log}")
        time.sleep(0.3)  # all workers up
        p["pids"] = tree(roots)
        p["idle"] = mem(p["pids"])
        return p

    def stop(self, p):
        pids = tree(p["roots"]) or p["roots"]
        for sig, wait in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
            for x in (p["roots"] if sig == signal.SIGTERM else pids):
                try:
                    os.kill(x, sig)
                except OSError:
                    pass
            t = time.time()
            while time.time() - t < wait:
                if not any((stat_of(x) or {"state": "Z"})["state"] != "Z" for x in pids):
                    break
                time.sleep(0.02)
            else:
                continue
            break
        shutil.rmtree(p["wd"], ignore_errors=True)

    # -- load
    def headers(self, p):
        h = dict({"x-goog-api-key": self.token, "Content-Type": "application/json"}, **(p["headers"] if p else {}))
        return [x for k, v in h.items() for x in ("-H", f"{k}: {v}")]

    def load(self, p, mode, *args, workers=1, path=GEN, body=None, target=None, upload=False):
        t = target or [f"127.0.0.1:{p['port'] if p else self.up}"]
        cmd = [os.path.join(self.build, "load"), mode, *map(str, args), *self.headers(p), "-p", path]
        if not upload:
            cmd += ["-b", body or self.req]
        r = subprocess.run(cmd + t, stdout=subprocess.PIPE, text=True, preexec_fn=self.pin("client", workers))
        if r.returncode:
            raise RuntimeError(f"load: rc {r.returncode}")
        return json.loads(r.stdout)

    def wrk(self, port, secs, c, workers, headers, path=GEN, scheme="http"):
        lua = self.path("wrk.lua")
        with open(lua, "w") as f, open(self.req) as b:
            f.write("wrk.method='POST'\nwrk.body=[==[" + b.read() + "]==]\n")
            for k, v in headers.items():
                f.write(f"wrk.headers[{json.dumps(k)}]={json.dumps(v)}\n")
        r = subprocess.run(["wrk", "-t1", f"-c{c}", f"-d{max(1, round(secs))}", "--latency", "-s", lua, f"{scheme}://127.0.0.1:{port}{path}"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=self.pin("client", workers))
        o = r.stdout
        unit = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}
        q = {m.group(1): float(m.group(2)) * unit[m.group(3)] for m in re.finditer(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m)\s*$", o, re.M)}
        n = re.search(r"(\d+) requests in ([\d.]+)(s|m),", o)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", o)
        se = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", o)
        by = re.search(r"([\d.]+)(B|KB|MB|GB) read", o)
        if not n:
            raise RuntimeError("wrk: " + o[:300])
        total = int(n.group(1))
        size = float(by.group(1)) * {"B": 1, "KB": 1024, "MB": 1024 ** 2, "GB": 1024 ** 3}[by.group(2)]
        errs = (int(bad.group(1)) if bad else 0) + (sum(map(int, se.groups())) if se else 0)
        return {"n": total, "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", o).group(1)), "p50": q.get("50"), "p99": q.get("99"), "errors": errs,
                "bytes_per_req": size / max(total, 1)}

    def measured(self, p, fn, tls=False):
        """Runs fn() and adds the proxy's CPU, memory, the upstream's counts and the machine's other load."""
        self.ctl("/_reset", tls)
        import resource
        r0, b0, t0 = resource.getrusage(resource.RUSAGE_CHILDREN), machine_busy(), time.time()
        h0, c0 = cpu(self.harness_pids), cpu(p["pids"]) if p else 0
        out = fn()
        t1 = time.time()
        c1, h1, b1, r1 = cpu(p["pids"]) if p else 0, cpu(self.harness_pids), machine_busy(), resource.getrusage(resource.RUSAGE_CHILDREN)
        client = r1.ru_utime + r1.ru_stime - r0.ru_utime - r0.ru_stime
        st = self.ctl("/_stats", tls)
        res = {"out": out, "secs": t1 - t0, "cpu_s": c1 - c0, "up_cpu_s": h1 - h0, "client_cpu_s": client,
               "foreign": max(0.0, (b1 - b0) - (c1 - c0) - (h1 - h0) - client) / max(t1 - t0, 1e-9) / len(CPUS), "stats": st}
        if p:
            if [x for x in p["pids"] if not stat_of(x)]:
                res["died"] = True
            res["mem"] = mem(p["pids"])
        return res

    # -- workloads: each returns a flat dict of numbers, with "ok" for correctness
    def leak(self, st):
        return [k for k in st["keys"] if k not in self.pool]

    def warm(self, p, workers=1, secs=1.0, c=64, oai=False):
        a = ["-c", c, "-d", secs]
        a += ["-S", "chat.completion"] if oai else ["-e", self.expect]
        return self.load(p, "json", *a, workers=workers, path=OAI if oai else GEN, body=self.oai if oai else None)

    def check_warm(self, w, may_fail=False):
        bad = w["err_body"] + w["err_eof"] + w["err_proto"] + w["err_conn"] + w["err_timeout"] + (0 if may_fail else w["err_status"])
        return bad == 0 and w["ok"] > 0

    def even(self, p, st):
        """No key but the pool's at the upstream, and the 20 keys used evenly."""
        ks, n = [k["n"] for k in st["keys"].values()], max(st["s200"], 1)
        return not p or p["name"] == "floor" or (not self.leak(st) and len(ks) == 20 and max(ks) - min(ks) <= max(64, 0.02 * n))

    def w1(self, p, workers, tls=False):
        if p:
            okw = self.check_warm(self.warm(p, workers, 0.5 if self.a.q else 1))
            m = self.measured(p, lambda: self.load(p, "json", "-c", 64, "-d", self.a.secs, "-e", self.expect, workers=workers), tls)
        else:
            if tls:
                return self.w1wrk(p, workers, tls)  # the load client speaks no TLS
            okw = True
            m = self.measured(p, lambda: self.load(p, "json", "-c", 64, "-d", self.a.secs, "-e", self.expect, workers=workers))
        o, st = m["out"], m["stats"]
        n = max(st["s200"], 1)
        errs = o["err_status"] + o["err_body"] + o["err_eof"] + o["err_conn"] + o["err_proto"] + o["err_timeout"]
        r = {"rps": o["ok"] / o["secs"], "p50_us": o["lat"]["p50"], "p99_us": o["lat"]["p99"], "up_conns": st["accepted"],
             "ok": okw and errs == 0 and o["ok"] > 0 and abs(st["s200"] - o["started"]) <= 64 and self.even(p, st)}
        if tls:
            r.update(handshakes=st["tls_full"] + st["tls_resumed"], full=st["tls_full"])
        if p:
            r.update(cpu_us=m["cpu_s"] / n * 1e6, hwm_mib=m["mem"]["hwm_kib"] / 1024, busy=m["cpu_s"] / m["secs"] / workers)
        else:
            r.update(up_us=m["up_cpu_s"] / n * 1e6)
        r["client_us"] = m["client_cpu_s"] / n * 1e6
        return r, m

    def w1wrk(self, p, workers, tls=False):
        h = dict({"x-goog-api-key": self.token, "Content-Type": "application/json"}, **(p["headers"] if p else {}))
        okw = self.check_warm(self.warm(p, workers, 0.5 if self.a.q else 1)) if p else True
        port = p["port"] if p else self.ups if tls else self.up
        m = self.measured(p, lambda: self.wrk(port, self.a.secs, 64, workers, h, scheme="https" if tls and not p else "http"), tls)
        o, st = m["out"], m["stats"]
        n = max(st["s200"], 1)
        ok = okw and o["errors"] == 0 and abs(st["s200"] - o["n"]) <= 64 * 2 + 8 and self.body_len < o["bytes_per_req"] < self.body_len + 1500 and self.even(p, st)
        r = {"rps": o["rps"], "p50_us": o["p50"], "p99_us": o["p99"], "up_conns": st["accepted"], "ok": ok}
        if tls:
            r.update(handshakes=st["tls_full"] + st["tls_resumed"], full=st["tls_full"])
        if p:
            r.update(cpu_us=m["cpu_s"] / n * 1e6, hwm_mib=m["mem"]["hwm_kib"] / 1024, busy=m["cpu_s"] / m["secs"] / workers)
        else:
            r.update(up_us=m["up_cpu_s"] / n * 1e6)
        r["client_us"] = m["client_cpu_s"] / n * 1e6
        return r, m

    def W1(self, p, workers):
        return self.w1(p, workers)

    def W1w(self, p, workers):
        return self.w1wrk(p, workers)

    def W7(self, p, workers):
        return self.w1(p, workers, True)

    def W2(self, p, workers):
        secs = 2 if self.a.q else 10
        if p:
            self.warm(p, 1, 0.3, 4)
        t = [f"127.0.0.1:{self.up}"] + ([f"127.0.0.1:{p['port']}"] if p else [])
        m = self.measured(p, lambda: self.load(p, "rate", "-c", 1, "-r", 200, "-d", secs, "-w", 0.3, "-e", self.expect, target=t))
        o = m["out"]
        d, x = o["target0"], o["target1"] if p else o["target0"]
        n = max(x["n"], 1)
        r = {"p50_us": x["p50"], "p99_us": x["p99"], "d50_us": d["p50"], "d99_us": d["p99"], "add50_us": x["p50"] - d["p50"], "add99_us": x["p99"] - d["p99"],
             "ok": x["n"] > 0.95 * 200 * secs and o["err_body"] + o["err_status"] + o["err_eof"] + o["err_conn"] == 0}
        if p:
            r["cpu_us"] = m["cpu_s"] / n * 1e6 / (secs + 0.3) * secs
        return r, m

    def sse(self, p, workers, c, delay_us, secs, warm, oai=False, tls=False):
        self.ctl(f"/_config?events=50&size=300&delay_us={delay_us}", tls)
        m = self.measured(p, lambda: self.load(p, "sse", "-c", c, "-d", secs, "-w", warm, "-E", 50, "-t", 60, workers=workers, path=OAI if oai else SSE, body=self.oais if oai else None), tls)
        self.ctl("/_config?delay_us=0", tls)
        o, st = m["out"], m["stats"]
        ev = max(o["events"], 1)
        bad = o["streams_bad"] + o["err_status"] + o["err_body"] + o["err_eof"] + o["err_conn"] + o["err_proto"] + o["err_timeout"]
        r = {"eps": ev / m["secs"], "streams": o["streams_ok"], "ok": bad == 0 and o["streams_ok"] > 0 and st["events"] >= ev and o["unfinished"] == 0,
             "lag50_us": lag(o, "p50"), "lag99_us": lag(o, "p99"), "ttfb50_us": o["ttfb"]["p50"], "ttfb99_us": o["ttfb"]["p99"]}
        if p:
            r.update(cpu_us_ev=m["cpu_s"] / ev * 1e6, hwm_mib=m["mem"]["hwm_kib"] / 1024, busy=m["cpu_s"] / m["secs"] / workers)
        return r, m

    def W3(self, p, workers):
        return self.sse(p, workers, 16, 0, self.a.secs, 0)

    def W3p(self, p, workers):
        return self.sse(p, workers, 100, 10000, self.a.secs, 0)

    def slow(self, p, n, events, ramp, tls=False):
        oai = p and self.peer_conf(p["name"]).get("openai")
        self.ctl(f"/_config?events={events}&size=300&delay_us=500000", tls)
        limit = events * 0.5 + n / ramp + (20 if self.a.q else 45)
        m = self.measured(p, lambda: self.load(p, "slow", "-c", n, "-R", ramp, "-E", events, "-t", limit, "-T", limit + 2, path=OAI if oai else SSE, body=self.oais if oai else None), tls)
        self.ctl("/_config?delay_us=0", tls)
        o, st = m["out"], m["stats"]
        ev = max(o["events"], 1)
        r = {"streams": n, "complete": o["streams_ok"], "failed": n - o["streams_ok"], "secs": m["secs"], "up_peak": st["peak"],
             "lag50_us": lag(o, "p50"), "lag99_us": lag(o, "p99"), "ttfb99_us": o["ttfb"]["p99"], "ok": o["streams_ok"] == n}
        if p:
            r.update(cpu_us_ev=m["cpu_s"] / ev * 1e6, cpu_s=m["cpu_s"], hwm_mib=m["mem"]["hwm_kib"] / 1024, kib_stream=(m["mem"]["hwm_kib"] - p["idle"]["hwm_kib"]) / n)
        return r, m

    def W4(self, p, workers):
        return self.slow(p, 500 if self.a.q else 2000, 4 if self.a.q else 20, 1000)

    def W4x(self, p, workers):
        return self.slow(p, self.many, 20, 3000)

    def W3t(self, p, workers):
        return self.sse(p, workers, 100, 10000, self.a.secs, 0, tls=True)

    def W4t(self, p, workers):
        return self.slow(p, 500 if self.a.q else 2000, 4 if self.a.q else 20, 500, tls=True)

    def storm(self, p, workers, tls, secs):
        oai = self.peer_conf(p["name"]).get("openai")
        a = ["-c", 64, "-d", secs] + (["-S", "chat.completion"] if oai else ["-e", self.expect])
        m = self.measured(p, lambda: self.load(p, "json", *a, workers=workers, path=OAI if oai else GEN, body=self.oai if oai else None), tls)
        o, st = m["out"], m["stats"]
        n = max(o["finished"], 1)
        errs = o["err_status"] + o["err_body"] + o["err_eof"] + o["err_conn"] + o["err_proto"] + o["err_timeout"]
        r = {"rps": o["ok"] / o["secs"], "errors": errs, "error_rate": errs / n, "p99_us": o["lat"]["p99"], "absorbed": st["s429"], "absorbed_per_req": st["s429"] / max(st["s200"], 1),
             "up_conns": st["accepted"], "cpu_us": m["cpu_s"] / max(o["ok"], 1) * 1e6, "busy": m["cpu_s"] / m["secs"] / workers, "ok": errs == 0 and not self.leak(st) and o["ok"] > 0}
        if tls:
            r.update(handshakes=st["tls_full"] + st["tls_resumed"], full=st["tls_full"])
        return r, m

    def W5(self, p, workers):
        return self.storm(p, workers, False, self.a.secs)

    def W5f(self, p, workers):
        return self.storm(p, workers, False, self.a.secs)

    def W7f(self, p, workers):
        return self.storm(p, workers, True, self.a.secs)

    def W6(self, p, workers):
        size, n = (64 if self.a.q else 256) << 20, 2 if (p and self.peer_conf(p["name"]).get("slow")) else 4
        m = self.measured(p, lambda: self.load(p, "upload", "-c", 1, "-n", n, "-B", size, "-T", 90, "-t", 80, path=UPL, upload=True))
        o, st = m["out"], m["stats"]
        mib = o["ok"] * size / 2 ** 20
        r = {"mib_s": mib / max(o["secs"], 1e-9), "ok": o["ok"] == n and st["body_bytes"] == n * size}
        if p:
            r.update(cpu_ms_gib=m["cpu_s"] * 1e3 / max(mib / 1024, 1e-9), hwm_mib=m["mem"]["hwm_kib"] / 1024)
        return r, m

    def W8(self, p, workers):
        self.warm(p, workers, 0.5 if self.a.q else 1, 64, True)
        m = self.measured(p, lambda: self.load(p, "json", "-c", 64, "-d", self.a.secs, "-S", "chat.completion", "-L", 500, workers=workers, path=OAI, body=self.oai))
        o, st = m["out"], m["stats"]
        n = max(st["s200"], 1)
        errs = o["err_status"] + o["err_body"] + o["err_eof"] + o["err_conn"] + o["err_proto"]
        return {"rps": o["ok"] / o["secs"], "p50_us": o["lat"]["p50"], "p99_us": o["lat"]["p99"], "cpu_us": m["cpu_s"] / n * 1e6, "hwm_mib": m["mem"]["hwm_kib"] / 1024,
                "busy": m["cpu_s"] / m["secs"] / workers, "ok": errs == 0 and o["ok"] > 0 and not self.leak(st)}, m

    def W8s(self, p, workers):
        return self.sse(p, workers, 16, 0, self.a.secs, 0, True)

    def W9(self, p, workers):
        if p["name"] not in self.sizes:
            f = os.path.join(self.peer_dir(p["name"]), "size.sh")
            if os.path.exists(f):
                o = subprocess.run([f], stdout=subprocess.PIPE, text=True).stdout
                self.sizes[p["name"]] = {k: int(v) / 1024 for k, v in re.findall(r"(own|libs) (\d+)", o)}
        s = self.sizes.get(p["name"], {})
        secs = 1 if self.a.q else 3
        w0 = wakeups(p["pids"])
        time.sleep(secs)
        wps = (wakeups(p["pids"]) - w0) / secs
        r = {"idle_wakeups_s": wps, "ready_ms": p["ready_s"] * 1e3, "rss_mib": p["idle"]["rss_kib"] / 1024, "pss_mib": p["idle"]["pss_kib"] / 1024, "ok": True}
        if s:
            r.update(disk_own_mib=s.get("own", 0), disk_libs_mib=s.get("libs", 0))
        return r, {"foreign": 0.0, "mem": p["idle"], "secs": 0}

    def W10(self, p, workers):
        self.warm(p, workers, 0.5)
        cmd = [os.path.join(self.build, "load"), "json", "-c", "64", "-d", str(self.a.secs), "-e", self.expect, *self.headers(p), "-p", GEN, "-b", self.req, f"127.0.0.1:{p['port']}"]
        env = dict(os.environ, PID=str(p["roots"][0]), WORKDIR=p["wd"], LISTEN_PORT=str(p["port"]), TOKEN=self.token)

        def go():
            l = subprocess.Popen(cmd, stdout=subprocess.PIPE, text=True, preexec_fn=self.pin("client", workers))
            n, t = 0, time.time()
            while l.poll() is None and time.time() - t < self.a.secs - 0.5:
                time.sleep(1)
                subprocess.run([os.path.join(self.peer_dir(p["name"]), "reload.sh")], env=env, stdout=subprocess.DEVNULL, preexec_fn=self.pin("proxy", workers))
                n += 1
            return dict(json.loads(l.communicate()[0]), reloads=n)
        m = self.measured(p, go)
        m["died"] = False  # workers may come and go, so their CPU is not known
        m["foreign"] = 0.0
        o, st = m["out"], m["stats"]
        errs = o["err_status"] + o["err_body"] + o["err_eof"] + o["err_conn"] + o["err_proto"] + o["err_timeout"]
        return {"rps": o["ok"] / o["secs"], "reloads": o["reloads"], "errors": errs, "reconnects": o["reconnects"], "p99_us": o["lat"]["p99"], "max_us": o["lat"]["max"],
                "hwm_mib": mem(tree(p["roots"]))["hwm_kib"] / 1024, "ok": errs == 0 and o["ok"] > 0 and bool(tree(p["roots"]))}, m

    # -- does it do the job at all
    def WC(self, p, workers):
        h, port, r = {"Content-Type": "application/json"}, p["port"], {}
        with open(self.req, "rb") as f:
            body = f.read()
        yes = lambda b: 1.0 if b else 0.0
        self.ctl("/_reset")
        r["auth_none"] = yes(http(port, "POST", GEN, h, body)[0] in (401, 403))
        r["auth_wrong"] = yes(http(port, "POST", GEN, dict(h, **{"x-goog-api-key": "wrong"}), body)[0] in (401, 403))
        r["auth_header"] = yes(http(port, "POST", GEN, dict(h, **{"x-goog-api-key": self.token}), body)[0] == 200)
        r["auth_bearer"] = yes(http(port, "POST", GEN, dict(h, Authorization="Bearer " + self.token), body)[0] == 200)
        r["auth_query"] = yes(http(port, "POST", GEN + "?key=" + self.token, h, body)[0] == 200)
        for _ in range(57):
            http(port, "POST", GEN, dict(h, **{"x-goog-api-key": self.token}), body)
        st = self.ctl("/_stats")
        n = [k["n"] for k in st["keys"].values()]
        r["no_leak"] = yes(not self.leak(st))
        r["rotation"] = yes(len(n) == 20 and max(n) - min(n) <= 1)
        r["models"] = yes(http(port, "GET", "/v1beta/models", {"x-goog-api-key": self.token})[0] == 200)
        # events are passed on at once, not gathered
        self.ctl("/_config?events=10&size=300&delay_us=50000")
        o = self.load(p, "sse", "-c", 1, "-d", 1, "-E", 10, path=SSE)
        r["sse"] = yes(o["streams_ok"] > 0 and o["streams_bad"] == 0)
        r["sse_at_once"] = yes(o["evlag"]["n"] > 0 and o["evlag"]["p99"] < 25000)
        # a client that leaves: does the upstream see it within a second?
        self.ctl("/_config?events=100")
        self.ctl("/_reset")
        s = socket.create_connection(("127.0.0.1", port), 5)
        hd = "".join(f"{k}: {v}\r\n" for k, v in dict(h, **{"x-goog-api-key": self.token}).items())
        s.sendall(f"POST {SSE} HTTP/1.1\r\nHost: x\r\n{hd}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        s.recv(4096)
        s.close()
        time.sleep(1.0)
        r["abort_passed_on"] = yes(self.ctl("/_stats")["aborted"] >= 1)
        self.ctl("/_config?events=50&delay_us=0&hash=1")
        o = self.load(p, "upload", "-c", 1, "-n", 1, "-B", 8388609, "-x", "-T", 30, path=UPL, upload=True)
        r["upload_intact"] = yes(o["ok"] == 1)
        o = self.load(p, "json", "-c", 4, "-n", 40, "-d", 5, "-T", 5, "-e", self.expect)
        r["keepalive"] = yes(o["reconnects"] == 0)
        self.ctl("/_config?hash=0")
        r["ok"] = all(v == 1.0 for k, v in r.items())
        return r, {"foreign": 0.0, "mem": p["idle"], "secs": 0}

    def run_one(self, wl, peer, workers, rep):
        conf = {"W5": dict(keys=self.keys_bad), "W5f": dict(keys=self.keys_bad, cooldown=0), "W4": dict(conns=self.nofile - 50), "W4x": dict(conns=self.nofile - 50), "W3t": dict(tls=True), "W4t": dict(tls=True, conns=self.nofile - 50), "W7": dict(tls=True), "W7f": dict(tls=True, keys=self.keys_bad, cooldown=0)}.get(wl, {})
        best = None
        for attempt in range(1 if self.a.q or self.again <= 0 else 2):
            p = None
            try:
                if not self.peer_conf(peer).get("direct"):
                    p = self.start(peer, workers, **conf)
                else:
                    self.up_affinity(workers)
                    # without a proxy the upstream gets the proxy's CPU
                    if workers == 1 and len(CPUS) > 1 and not self.a.no_pin and wl != "W2":
                        for x in self.harness_pids:
                            os.sched_setaffinity(x, {CPUS[-1]})
                r, m = getattr(self, wl)(p, workers)
                if m.get("died"):
                    r["ok"] = False
                    r["died"] = 1
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                r, m = {"ok": False, "failed_to_run": str(e)[:300]}, {"foreign": 0.0}
            finally:
                if p:
                    self.stop(p)
                try:
                    self.ctl("/_config?delay_us=0&events=50&hash=0")
                    self.ctl("/_config?delay_us=0&events=50&hash=0", True)
                except (OSError, ValueError):
                    pass
            rec = {"wl": wl, "peer": peer, "workers": workers, "rep": rep, "foreign": round(m["foreign"], 3), "r": r}
            if best is None or rec["foreign"] < best["foreign"]:
                best = rec
            if best["foreign"] < 0.3:
                break
            if attempt == 0:
                self.again -= 1
        self.results.append(best)
        with open(self.a.out + ".jsonl", "a") as f:
            f.write(json.dumps(best) + "\n")
        short = {k: (round(v, 2) if isinstance(v, float) else v) for k, v in best["r"].items()}
        print(f"[{time.strftime('%H:%M:%S')}] rep {rep} {wl:4} {peer:13} w={workers} other load {best['foreign'] * 100:.0f}%  {short}", flush=True)

    def close(self):
        for p in self.harness_pids:
            try:
                os.kill(p, signal.SIGTERM)
            except OSError:
                pass
        shutil.rmtree(self.tmp, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("mode", choices=["quick", "full", "check", "report"])
    ap.add_argument("--build", required=True)
    ap.add_argument("--peers", default="")
    ap.add_argument("--peers-dir", action="append", default=[], help="a further folder of peers (repeatable)")
    ap.add_argument("--workloads", default="")
    ap.add_argument("--reps", type=int, default=0)
    ap.add_argument("--secs", type=float, default=0)
    ap.add_argument("--workers", default="")
    ap.add_argument("--out", default="")
    ap.add_argument("--append", action="store_true", help="keep the raw results of what is not measured now")
    ap.add_argument("--no-pin", action="store_true")
    a = ap.parse_args()
    a.q = a.mode in ("quick", "check")
    a.secs = a.secs or (1.5 if a.mode == "quick" else 5)
    a.secs = int(a.secs) if a.secs == int(a.secs) else a.secs
    a.out = a.out or os.path.join(HERE, "results" if a.mode in ("full", "report") else "results-" + a.mode)
    import report
    if a.mode == "report":
        report.write(a.out)
        return
    if not a.append and os.path.exists(a.out + ".jsonl"):
        os.unlink(a.out + ".jsonl")
    names = sorted({d for base in [os.path.join(HERE, "peers")] + a.peers_dir for d in os.listdir(base) if os.path.isdir(os.path.join(base, d))})
    order = ["direct", "floor", "pollux", "nginx-lua", "haproxy", "portkey"]
    names.sort(key=lambda n: order.index(n) if n in order else 2.5)
    peers = [x for x in a.peers.split(",") if x] or names
    full = [("WC", 1), ("W9", 1), ("W9", 2), ("W1", 1), ("W1", 2), ("W1w", 1), ("W2", 1), ("W3", 1), ("W3p", 1), ("W4", 1), ("W4x", 1), ("W5", 1), ("W5", 2), ("W5f", 1), ("W6", 1), ("W7", 1), ("W7", 2), ("W7f", 1), ("W3t", 1), ("W4t", 1), ("W8", 1), ("W8", 2), ("W8s", 1), ("W10", 1)]
    quick = [("WC", 1), ("W9", 1), ("W1", 1), ("W2", 1), ("W3", 1), ("W3p", 1), ("W4", 1), ("W5", 1), ("W5f", 1), ("W6", 1), ("W7", 1), ("W7f", 1), ("W3t", 1), ("W4t", 1), ("W8", 1), ("W8s", 1), ("W10", 1)]
    todo = {"quick": quick, "full": full, "check": [("WC", 1)]}[a.mode]
    if a.workloads:
        w = a.workloads.split(",")
        todo = [t for t in todo if t[0] in w] + [(x, 1) for x in w if x not in {t[0] for t in todo}]
    if a.workers:
        todo = [t for t in todo if str(t[1]) in a.workers.split(",")]
    reps = a.reps or (3 if a.mode == "full" else 1)
    if a.append and os.path.exists(a.out + ".jsonl"):
        with open(a.out + ".jsonl") as f:
            old = [json.loads(l) for l in f if l.strip()]
        with open(a.out + ".jsonl", "w") as f:
            f.writelines(json.dumps(r) + "\n" for r in old if not ((r["wl"], r["workers"]) in todo and r["peer"] in peers))
    b = Bench(a)
    try:
        for rep in range(1, reps + 1):
            for i, (wl, workers) in enumerate(todo):
                if wl in ("WC",) and rep > 1:
                    continue
                turn = [p for p in peers if b.does(p, wl)]
                k = (rep + i) % max(len(turn), 1)  # who goes first changes
                for peer in turn[k:] + turn[:k]:
                    b.run_one(wl, peer, workers, rep)
    finally:
        b.close()
        report.write(a.out)
    print("written: " + os.path.relpath(a.out + ".md"))


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    main()
