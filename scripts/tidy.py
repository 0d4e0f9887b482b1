#!/usr/bin/env python3
"""scripts/tidy.py FOLDER: clang-tidy and clang's own warnings on every file of src/.

FOLDER is a build made by clang. A file that was clean is looked at again only when it, a header of ours that it
includes, the rules or clang-tidy itself have changed: FOLDER/tidy-clean remembers.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def dependencies(folder):
    """The files that each object was made from, as ninja knows them: {object: [path]}."""
    listing = subprocess.run(["ninja", "-C", folder, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    found, name = {}, None
    for line in listing.splitlines():
        if line.startswith("    ") and name:
            found[name].append(line.strip())
        elif ": #deps" in line:
            name = line.split(": #deps")[0]
            found[name] = []
    return found


def our_files(folder):
    """(source, [files that its verdict depends on]) for every source of src/ that the build compiles."""
    known = dependencies(folder)
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if ROOT / "src" not in source.parents:
            continue
        paths = {(folder / path).resolve() for path in known.get(entry["output"], [])} | {source}
        yield source, sorted(path for path in paths if ROOT in path.parents and path.is_file())


def fingerprint(version, command, files):
    digest = hashlib.sha256(version + command.encode() + (ROOT / ".clang-tidy").read_bytes())
    for path in files:
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    program = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if not program:
        sys.exit("tidy: there is no clang-tidy; scripts/setup --tests installs it")
    if not (folder / "compile_commands.json").is_file():
        sys.exit(f"tidy: {folder} is no build folder; scripts/test makes it")
    version = subprocess.run([program, "--version"], capture_output=True, check=True).stdout
    command = [program, "-p", str(folder), "--quiet", "--checks=clang-diagnostic-*", "--warnings-as-errors=*"]
    clean = folder / "tidy-clean"
    clean.mkdir(exist_ok=True)

    waiting = []
    for source, files in our_files(folder):
        mark = clean / fingerprint(version, " ".join(command), files)
        if not mark.exists():
            waiting.append((source, mark))

    def look(job):
        source, mark = job
        result = subprocess.run([*command, str(source)], capture_output=True, text=True, cwd=ROOT)
        if result.returncode == 0:
            mark.touch()
        return result

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(look, waiting):
            if result.returncode != 0:
                bad += 1
                print(result.stdout or result.stderr, flush=True)
    print(f"tidy: {len(waiting)} files looked at, {bad} of them not clean")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
