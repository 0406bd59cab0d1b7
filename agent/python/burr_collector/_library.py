"""libburr by ctypes: finding the shared library, and what its headers (burr/*.h) declare."""

import ctypes
import os
import pathlib

MINIMAL_VERSION = (0, 1, 0)
SONAME = "libburr.so.0"


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 512)]


class TrackerOptions(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("project", ctypes.c_char_p),
        ("store", ctypes.c_char_p),
        ("wait_ms", ctypes.c_uint32),
        ("queue_bytes", ctypes.c_uint64),
    ]


class Pointer(ctypes.Structure):
    _fields_ = [("app_id", ctypes.c_char_p), ("sequence_id", ctypes.c_int64), ("partition_key", ctypes.c_char_p)]


class ActionInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("name", "reads", "writes", "inputs", "code")]


class TransitionInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("from_", "to", "condition")]


class AppInfo(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("app_id", ctypes.c_char_p),
        ("partition_key", ctypes.c_char_p),
        ("entrypoint", ctypes.c_char_p),
        ("actions", ctypes.POINTER(ActionInfo)),
        ("action_count", ctypes.c_size_t),
        ("transitions", ctypes.POINTER(TransitionInfo)),
        ("transition_count", ctypes.c_size_t),
        ("initial_state_json", ctypes.c_char_p),
        ("parent", ctypes.POINTER(Pointer)),
        ("spawning_parent", ctypes.POINTER(Pointer)),
    ]


def _candidates():
    named = os.environ.get("BURR_LIBRARY")
    if named:
        return [named]
    return [str(pathlib.Path(__file__).parent / "lib" / SONAME), SONAME]


def load():
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.burr_version.restype = ctypes.c_char_p
        for function in (library.burr_tracker_begin_step, library.burr_tracker_end_step):
            function.argtypes = None
        library.burr_tracker_begin_step.argtypes = [
            ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p
        ]
        library.burr_tracker_end_step.argtypes = [
            ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p
        ]
        return library
    raise ImportError(f"libburr is not found ({', '.join(_candidates())}): install it, or say where it is in BURR_LIBRARY")
