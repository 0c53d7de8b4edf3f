"""The worker: what time makes due, in bounded chunks, one worker at a time per database."""

from service.worker.rounds import run_due, run_forever
from service.worker.senders import GatewaySender
from service.worker.sweeps import SWEEPS, Sweep, sweeps_with

__all__ = ["SWEEPS", "GatewaySender", "Sweep", "run_due", "run_forever", "sweeps_with"]
