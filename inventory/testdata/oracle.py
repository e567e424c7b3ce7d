# Runs Ansible's own command lines in one process each, forked from one that has
# loaded Ansible already: starting it anew costs a second. Standard input is JSON, a
# list of {"tool", "args", "dir"}; each answer is one line of JSON.
import contextlib, io, json, os, sys

from ansible.cli.adhoc import AdHocCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.vault import VaultCLI
from ansible.template import Templar
from ansible.parsing.dataloader import DataLoader

tools = {"ansible": AdHocCLI, "ansible-inventory": InventoryCLI, "ansible-vault": VaultCLI}


def template(args):
    loader = DataLoader()
    answers = []
    variables = json.loads(args[0])
    for text in args[1:]:
        try:
            answers.append({"value": Templar(loader, variables=variables).template(text)})
        except Exception as e:
            answers.append({"error": str(e)})
    return json.dumps(answers)


def answer(job):
    out, err, code = io.StringIO(), io.StringIO(), 0
    os.chdir(job["dir"])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if job["tool"] == "template":
                out.write(template(job["args"]))
            else:
                cli = tools[job["tool"]]([job["tool"]] + job["args"])
                cli.parse()
                code = cli.run() or 0
        except SystemExit as e:
            code = e.code or 0
        except Exception as e:
            err.write(str(e))
            code = 1
    return {"out": out.getvalue(), "err": err.getvalue(), "exit": code}


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    for job in json.load(sys.stdin):
        r, w = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(r)
            with os.fdopen(w, "w", encoding="utf-8") as f:
                f.write(json.dumps(answer(job)))
            os._exit(0)
        os.close(w)
        with os.fdopen(r, encoding="utf-8") as f:
            sys.stdout.write(f.read() + "\n")
        os.waitpid(child, 0)


main()
