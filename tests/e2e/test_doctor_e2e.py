"""The doctor finds no problem in a running system."""

from infra.doctor.__main__ import main


def test_the_doctor_finds_nothing_wrong_with_the_local_run(local, capsys):
    http, websocket = local.http_url, local.websocket_url
    asked = ["--api", f"{http}/api/v1", "--websocket", websocket, "--origin", "http://localhost:3000"]
    found = main([*asked, "--issuer", f"{http}/"])
    said = capsys.readouterr().out.splitlines()
    assert found == 0, said
    assert said[-1] == "Problems: none."
    assert [line[:6].strip() for line in said[:-1]] == ["ok"] * 6
