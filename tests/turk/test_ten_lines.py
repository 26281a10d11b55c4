"""The README's program for the marketplace, run as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readmes_program_posts_a_hit(site, tmp_path):
    (program,) = re.findall(r"```python\n(import boto3\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    key, secret = site.key("TENLINES")
    known = {"AWS_ENDPOINT_URL_MTURK": site.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    environment = {**os.environ, **known}
    said = subprocess.check_output([sys.executable, "-c", program], env=environment, cwd=tmp_path, text=True)
    hit_id, available = said.split()
    posted = site.database.hits.find_one({"_id": hit_id})
    assert (posted["title"], posted["max_assignments"], posted["reward"]) == ("Ten questions", 3, 50)
    assert available == "9998.20", "three times 50 cents and a fifth of it"
