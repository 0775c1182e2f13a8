"""The contract and the plan by hand in a real terminal, with a plan that was brought back, up to the message."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from facilitator.documents import docx
from facilitator.followup import read_follow_up
from tests.documents.records import plan
from tests.e2e.test_terminal import CONFIG, Terminal, terminal

pytestmark = [pytest.mark.e2e]


def fill(screen: Terminal, *lines: str) -> None:
    for line in lines:
        screen.send(f"{line}\n".encode())


def go_to(screen: Terminal, *steps: str) -> None:
    for step in steps:
        time.sleep(1.1)
        screen.press("n")
        screen.wait_for(f"{step}  prévu")


def agree_to_a_contract(screen: Terminal) -> None:
    screen.press("i")
    screen.wait_for("Le texte, mot pour mot :")
    fill(screen, "J'aimerais, l'hiver venu, dire non à l'équipe")  # `l` and `h` are letters here
    screen.wait_for("J'aimerais, l'hiver venu, dire non à l'équipe  à valider")
    screen.press("m")
    screen.wait_for("dire non à l'équipe  convenu")


def agree_to_a_plan(screen: Terminal) -> None:
    screen.press("i")
    screen.wait_for("Action :")
    fill(screen, "J'appelle Nour d'ici le 31 décembre", "avec Paul", "écrire ce soir", "nous avons une date", "")
    screen.wait_for("nous avons une date · Échéance : jeudi 31\u00a0décembre")
    screen.press("i")
    screen.wait_for("2 en ajoute un.")
    fill(screen, "2", "Je dors", "", "", "", "jamais")
    screen.wait_for("Ce jour n'est pas compris")
    screen.press("\x15")
    fill(screen, "2027-01-15")
    screen.wait_for("Je dors · Échéance : vendredi 15\u00a0janvier\u00a02027")
    screen.press("j")
    screen.wait_for("pour le jeudi 31\u00a0décembre")
    screen.press("o")
    screen.wait_for("accepter les jours proposés")
    screen.press("u")
    screen.wait_for("annuler la correction")
    screen.press("jo")
    screen.press("m")
    screen.wait_for("2027  convenu")


def hand_over(screen: Terminal) -> None:
    screen.press("d")
    fill(screen, "camille@example.org")
    screen.wait_for("À : camille@example.org · Objet : Documents du")
    screen.wait_for("Écrire ce message dans un fichier, à envoyer soi-même ?")
    screen.press("o")
    screen.wait_for(".eml")
    screen.press("eo")
    screen.wait_for("La séance est terminée.")
    screen.press("d\n")
    screen.wait_for("plan.ics")


def test_a_session_without_listening_ends_with_a_contract_and_a_plan(tmp_path: Path) -> None:
    """It takes as long as its keys: a second press of `n` within a second skips no step."""
    (tmp_path / "before.docx").write_bytes(docx.render(plan()))
    arguments = ("--participant", "Camille=client", "--follow-up", str(tmp_path / "before.docx"))
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with terminal(tmp_path, CONFIG, environment, arguments=arguments) as screen:
        screen.wait_for("Retour sur le plan du 24 novembre 2026, par Camille")
        screen.wait_for("D'ici vendredi prochain, j'appelle Nour. · Qui : Nour et l’équipe")
        go_to(screen, "Accueil", "Exposé", "Clarification", "Contrat")
        screen.forget()
        screen.read(0.6)
        assert "Retour sur le plan" not in screen.shown
        agree_to_a_contract(screen)
        go_to(screen, "Consultation", "Synthèse et plan d'action")
        agree_to_a_plan(screen)
        hand_over(screen)
        screen.press("q")
        screen.read(3.0)
        assert screen.process.wait(10) == 0
    (folder,) = (tmp_path / "documents").iterdir()
    found = read_follow_up(folder / "plan.pdf")
    assert [(item.text, item.who) for item in found.items] == [
        ("J'appelle Nour d'ici le 31 décembre", "avec Paul"),
        ("Je dors", ""),
    ]
    assert found.items[0].due.endswith("-12-31")
    assert found.items[1].due == "2027-01-15"
    assert "l'hiver venu" in (folder / "contract.md").read_text(encoding="utf-8")
