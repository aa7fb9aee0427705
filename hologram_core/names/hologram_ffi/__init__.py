"""`hologram_core.ffi` under the name that its users know: executors, buffers and tensors by handles.

    import hologram_ffi as hg

    executor = hg.new_executor()
    buffer = hg.executor_allocate_buffer(executor_handle=executor, len=1000)
"""

from hologram_core import __version__ as __version__
from hologram_core.ffi import *
