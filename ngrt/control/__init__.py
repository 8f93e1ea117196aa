"""The rules of control, pure: no event loop, threads or clock; time comes in as an argument."""
