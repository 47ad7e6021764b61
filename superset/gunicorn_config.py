"""Two cores: a process for each, and threads, because a request mostly waits for Trino.

The application is loaded and prepared once, before the processes fork: they share its memory.
"""
bind = "0.0.0.0:8088"
preload_app = True
workers = 2
worker_class = "gthread"
threads = 8
# A worker that says nothing for so long is replaced. Above what a query may take (SUPERSET_WEBSERVER_TIMEOUT).
timeout = 120
# Its heartbeat is a file: in memory.
worker_tmp_dir = "/dev/shm"
