"""Rolling a version out on running servers, and back, through Triton's own control interface over HTTP: no file is read or written."""
