"""Works by the thousand: each judged in a process with limits, spread over processors or a cluster, and counted."""
