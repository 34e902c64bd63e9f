"""Says CROSS_PROCESS, but its queues are this process's memory."""

from honest import Honest, OnHonest

from periodic import Capability
from periodic_contracts import DispatchContract


class NotCrossProcess(Honest):
    capabilities = Honest.capabilities | {Capability.CROSS_PROCESS}


class TestDispatch(OnHonest, DispatchContract):
    adapter = NotCrossProcess
