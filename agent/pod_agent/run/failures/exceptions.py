"""Which class an exception is of, by its name and its message's first line. Pure; a list, the first that fits wins.

Every message is held against its beginning or a library's own form, so that one that only speaks of another error is
not taken for it. Not here: which of several exceptions counts (``causes``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.failures import statuses
from pod_agent.run.failures.failure import Kind
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.failures.traces import Raised

K = Kind


@dataclass(frozen=True, slots=True)
class Sign:
    """``name`` fits the whole of an exception's name, ``words`` some part of its message's first line."""

    kind: Kind
    name: re.Pattern[str]
    words: re.Pattern[str]


def _sign(kind: Kind, name: str = r"\w+", words: str = "") -> Sign:
    return Sign(kind, re.compile(name), re.compile(words))


_RUNTIME = r"RuntimeError|AcceleratorError|\w*RuntimeError|Error|runtime_error|InternalError|c10_error"
_ANY_HTTP = (
    r"\w*(?:HTTP|Http|Hub|Request|Response|Retry|Client|Comm|Repository|Usage|Connection|Token|OS|Runtime"
    r"|Value)\w*Error"
)

SIGNS: tuple[Sign, ...] = (
    # Memory
    _sign(
        K.GPU_MEMORY, r"OutOfMemoryError|ResourceExhaustedError", r"CUDA|HIP|[Oo]ut of memory|allocat|^$|OOM"
    ),
    _sign(
        K.GPU_MEMORY,
        _RUNTIME,
        r"^(?:\[[^\]]*\] ?)?(?:CUDA|HIP) out of memory|^(?:CUDA|HIP) error: out of memory"
        r"|^CUDA error: CUBLAS_STATUS_ALLOC_FAILED|CUDA_ERROR_OUT_OF_MEMORY|^RESOURCE_EXHAUSTED: Out of memory"
        r"|^cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ),
    _sign(K.GPU_MEMORY, words=r"^No available memory for the cache blocks"),
    _sign(K.SHARED_MEMORY, words=r"is killed by signal: Bus error|workers are out of shared memory"),
    _sign(
        K.SHARED_MEMORY,
        words=r"^unable to (?:open|write|mmap|resize|allocate).{0,60}(?:/torch_|shared memory|shm)",
    ),
    _sign(K.HOST_MEMORY, r"MemoryError|_ArrayMemoryError|bad_alloc"),
    _sign(
        K.HOST_MEMORY, words=r"can't allocate memory: you tried to allocate|not enough memory: you tried to"
    ),
    _sign(K.HOST_MEMORY, words=r"^\[Errno 12\]|is killed by signal: Killed|Cannot allocate memory"),
    _sign(K.CRASH, words=r"is killed by signal: (?:Segmentation|Aborted|Floating|Illegal)"),
    # The GPU and CUDA
    _sign(
        K.NO_CUDA,
        words=r"^Found no NVIDIA driver|^The NVIDIA driver on your system is too old|^No CUDA GPUs are available"
        r"|not compiled with CUDA enabled|no kernel image is available|no CUDA-capable device is detected"
        r"|CUDA driver version is insufficient|invalid device ordinal|torch\.cuda\.is_available\(\) is False"
        r"|lib(?:cuda|cudart|cublas\w*|cudnn\w*|nccl|nvrtc|cusparse\w*|cufft)[\w.-]*\.so[\w.]*: cannot open"
        r"|system not yet initialized|^Unexpected error from cudaGetDeviceCount|provided PTX was compiled"
        r"|^FlashAttention only supports",
    ),
    _sign(
        K.DRIVER,
        words=r"uncorrectable ECC|fallen off the bus|GPU is lost|^Unable to determine the device handle"
        r"|Driver/library version mismatch|CUDA error: (?:unknown error|hardware stack error|all CUDA-capable devices)"
        r"|CUDA driver initialization failed|NVML: .*(?:Unknown Error|lost)|CUDA error: system has unsupported",
    ),
    _sign(K.RANKS, r"DistBackendError|DistStoreError|DistNetworkError|NCCLError", r"^(?!.*EADDRINUSE)"),
    _sign(K.PORT, words=r"^\[Errno 98\]|EADDRINUSE|Address already in use"),
    _sign(
        K.RANKS,
        words=r"^NCCL (?:error|communicator)|^\[[^\]]*Rank \d+\].{0,80}(?:Watchdog|NCCL)|gloo/transport/"
        r"|^Timed out waiting \d+ms for|^Connection closed by peer \[|^Rank \d+ (?:failed|successfully)"
        r"|Watchdog caught collective operation timeout|barrier timed out",
    ),
    _sign(
        K.GPU_FAULT,
        words=r"^(?:CUDA|HIP) error|^cuDNN error|^CUDA driver error|^cuda runtime error|CU(?:BLAS|DNN|SPARSE)_STATUS_"
        r"|cudaError[A-Z]|device-side assert",
    ),
    # Numbers
    _sign(K.NAN, r"FloatingPointError"),
    _sign(
        K.NAN,
        words=r"(?i)\bloss\b.{0,60}\b(?:nans?|inf|infinite|infinity|non-?finite|not finite)\b"
        r"|\b(?:nans?|infinite|non-?finite|inf)\b.{0,20}\b(?:loss|gradients?|grad[_ ]?norm)\b"
        r"|returned nan values in its|tensor contains either .?inf|minimum loss scale|loss scale already at minimum"
        r"|gradients?\b.{0,40}\b(?:nans?|non-?finite|not finite)\b",
    ),
    # Disks and limits
    _sign(K.QUOTA, words=r"^\[Errno 122\]|Disk quota exceeded|os error 122"),
    _sign(
        K.LIMIT,
        words=r"inotify (?:watch|instance) limit|^\[Errno 2[34]\]|Too many open files|can't start new thread",
    ),
    _sign(K.LIMIT, words=r"^\[Errno 11\]|received 0 items of ancdata"),
    _sign(
        K.DISK_FULL,
        words=r"^\[Errno 28\]|No space left on device|database or disk is full|os error 28|errno = 28"
        r"|PytorchStreamWriter failed writing|inline_container.*unexpected pos",
    ),
    # Servers
    _sign(K.GATED, r"GatedRepoError"),
    _sign(
        K.GATED, words=r"gated repo|access to .{0,80} is restricted|awaiting a review from the repo authors"
    ),
    _sign(
        K.NOT_ON_SERVER,
        r"RepositoryNotFoundError|RevisionNotFoundError|\w*EntryNotFoundError",
        r"^(?!.*[Ll]ocal|.*disk cache)",
    ),
    _sign(
        K.NOT_ON_SERVER,
        words=r"is not a valid model identifier listed on|(?:doesn't|does not) exist on the Hub",
    ),
    _sign(K.LOGIN, r"LocalTokenNotFoundError|NoCredentialsError|AuthenticationError"),
    _sign(K.LOGIN, _ANY_HTTP, statuses.raised("401") + r"|Invalid (?:user )?token"),
    _sign(
        K.LOGIN, words=r"api_key not configured|InvalidAccessKeyId|SignatureDoesNotMatch|Invalid credentials"
    ),
    _sign(K.FORBIDDEN, _ANY_HTTP, statuses.raised("403") + r"|AccessDenied"),
    _sign(K.SERVER, _ANY_HTTP, statuses.raised(r"(?:429|5\d\d)") + r"|Too Many Requests"),
    _sign(K.NOT_ON_SERVER, _ANY_HTTP, statuses.raised("404")),
    _sign(
        K.DNS,
        words=r"Temporary failure in name resolution|Name or service not known|NameResolutionError"
        r"|No address associated with hostname|getaddrinfo failed|Could not resolve host|Failed to resolve '",
    ),
    _sign(K.DNS, r"gaierror"),
    _sign(
        K.NETWORK,
        r"Connection\w*|Connect\w*|\w*Timeout|\w*TimeoutError|ProxyError|SSLError|SSLCertVerificationError|MaxRetryError"
        r"|NewConnectionError|ProtocolError|RemoteDisconnected|IncompleteRead|ChunkedEncodingError|URLError"
        r"|OfflineModeIsEnabled|LocalEntryNotFoundError|RemoteProtocolError|ServerDisconnectedError|CommError",
        r"^(?!.*\[Errno 32\])",
    ),
    _sign(K.NETWORK, r"OSError", r"couldn't connect to|[Cc]annot connect to|^\[Errno 1(?:0[01]|10|13|11)\]"),
    # The code
    _sign(K.SYNTAX, r"SyntaxError|IndentationError|TabError"),
    _sign(K.IMPORT, r"ModuleNotFoundError|ImportError|PackageNotFoundError|DistributionNotFound"),
    _sign(K.IMPORT, words=r"^numpy\.(?:dtype|ufunc) size changed|compiled using NumPy"),
    _sign(K.IMPORT, words=r"\.so[\w.]*: cannot open shared object file|undefined symbol: "),
    _sign(
        K.ARGUMENTS,
        words=r"^Some specified arguments are not used by the HfArgumentParser|^Could not consume arg",
    ),
    _sign(
        K.ARGUMENTS,
        r"UsageError|NoSuchOption|BadParameter|MissingParameter|UnparsedFlagAccessError|UnrecognizedFlagError",
    ),
    _sign(
        K.ARGUMENTS,
        r"ConfigCompositionException|OverrideParseException|MissingConfigException|IllegalFlagValueError",
    ),
    _sign(
        K.CHECKPOINT,
        words=r"^Error\(s\) in loading state_dict|^loaded state dict (?:contains|has)|^size mismatch for "
        r"|^Missing key\(s\) in state_dict|^Weights only load failed|^Unexpected key\(s\) in state_dict",
    ),
    _sign(
        K.DAMAGED,
        words=r"PytorchStreamReader failed|invalid header or archive is corrupted|unpickling stack underflow"
        r"|pickle data was truncated|^invalid load key|deserializing header|HeaderTooLarge|IncompleteBuffer"
        r"|not a zip file|Ran out of input|File is not a zip|truncated file|Unable to (?:synchronously )?open file",
    ),
    _sign(K.DAMAGED, r"UnpicklingError|BadZipFile|SafetensorError|BadGzipFile"),
    _sign(
        K.SHAPE,
        r"RuntimeError|ValueError|IndexError|InvalidArgumentError|TypeError|AssertionError",
        r"shapes cannot be multiplied|^The size of tensor a|^shape '.*' is invalid for input|^Expected input batch_size"
        r"|^Sizes of tensors must match|^Given groups=|could not be broadcast together|^shapes .* not aligned"
        r"|^matmul: Input operand|^Target \d+ is out of bounds|^The (?:expanded )?size of the? ?tensor"
        r"|^stack expects each"
        r"|^Expected \d+D .* input|^mat1 and mat2 |^size mismatch, |^Using a target size|inhomogeneous shape"
        r"|^Target size \(|^Expected target size|^input\.size\(-1\) must be equal",
    ),
    _sign(K.PROGRAM, r"NameError|UnboundLocalError|NotImplementedError"),
    _sign(
        K.PROGRAM,
        r"TypeError",
        r"unexpected keyword argument|required positional arg|takes .* positional arg|required keyword-only",
    ),
    _sign(K.PROGRAM, r"AttributeError", r"^(?:partially initialized )?module '|^type object '"),
    _sign(K.NO_FILE, r"FileNotFoundError|NotADirectoryError|IsADirectoryError|NoSuchFile"),
    _sign(K.PERMISSION, r"PermissionError"),
    _sign(K.PERMISSION, words=r"^\[Errno (?:1|13|30)\]|Read-only file system"),
    _sign(K.ASSERTION, r"AssertionError"),
    _sign(K.KILLED, r"KeyboardInterrupt|SignalException"),
)

_LOADS = re.compile(r"/torch/serialization\.py$|/zipfile(?:/__init__)?\.py$|/safetensors/")
_HANDED = re.compile(r"/multiprocessing/(?:connection|reduction)\.py$")
# An OSError's own form: the file, or both, come last.
_NAMED = re.compile(r"(\[(?:Errno|WinError) -?\d+\] [^'\"]*): b?['\"]")
_IN_SHM = re.compile(r"(?<![\w.-])/(?:dev/shm|torch_|psm_)")  # the path begins so: not /data/torch_runs
_CUDA_FULL = re.compile(r"Cuda failure.{0,20}out of memory")


def kind_of(raised: Raised) -> Kind:
    """The class; EXCEPTION for one that is nothing more.

    The name of the file that an OSError ends with says nothing of it, whatever it spells.
    """
    named = _NAMED.match(raised.message)
    told = named[1] if named else raised.message
    found = next(
        (s.kind for s in SIGNS if s.name.fullmatch(raised.name) and s.words.search(told)),
        Kind.EXCEPTION,
    )
    if found is Kind.RANKS and _CUDA_FULL.search(raised.more):
        return Kind.GPU_MEMORY  # NCCL had no room on the GPU for its own buffers
    if found is Kind.EXCEPTION and raised.message.startswith("[Errno 22]") and _LOADS.search(raised.library):
        return Kind.DAMAGED  # a seek before the beginning: the file is shorter than its directory says
    if found is Kind.DISK_FULL and _IN_SHM.search(raised.message):
        return Kind.SHARED_MEMORY
    return Kind.CRASH if is_of_lost_process(raised) else found


def is_of_lost_process(raised: Raised) -> bool:
    """Whether another process of the training ended while it handed something over."""
    return raised.name in {"EOFError", "ConnectionResetError", "BrokenPipeError"} and bool(
        _HANDED.search(raised.library)
    )
