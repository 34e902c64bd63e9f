"""The parts of `dispatch.py`: what both brokers are asked, and what each is asked alone."""
