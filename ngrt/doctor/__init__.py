"""What a machine has and lacks, by subject. Every check probes one thing and returns what it found.

None of them changes anything, and none uses the network.
"""
