// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An error number of the kernel with its name and its meaning.
///
/// Numbers the kernel keeps to itself but lets out of BPF system calls (524, `ENOTSUPP`) have names too.
public struct KernelErrno: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The symbol of `errno(3)` or `include/linux/errno.h`, such as `EBUSY`.
    public var name: String {
        switch rawValue {
        case 524: "ENOTSUPP"
        case EPERM: "EPERM"
        case ENOENT: "ENOENT"
        case ESRCH: "ESRCH"
        case EINTR: "EINTR"
        case EIO: "EIO"
        case ENXIO: "ENXIO"
        case E2BIG: "E2BIG"
        case ENOEXEC: "ENOEXEC"
        case EBADF: "EBADF"
        case EAGAIN: "EAGAIN"
        case ENOMEM: "ENOMEM"
        case EACCES: "EACCES"
        case EFAULT: "EFAULT"
        case EBUSY: "EBUSY"
        case EEXIST: "EEXIST"
        case ENODEV: "ENODEV"
        case ENOTDIR: "ENOTDIR"
        case EISDIR: "EISDIR"
        case EINVAL: "EINVAL"
        case EMFILE: "EMFILE"
        case EFBIG: "EFBIG"
        case ENOSPC: "ENOSPC"
        case EROFS: "EROFS"
        case ERANGE: "ERANGE"
        case ENOSYS: "ENOSYS"
        case ENOTEMPTY: "ENOTEMPTY"
        case ELOOP: "ELOOP"
        case ENODATA: "ENODATA"
        case EOVERFLOW: "EOVERFLOW"
        case EILSEQ: "EILSEQ"
        case EMSGSIZE: "EMSGSIZE"
        case EOPNOTSUPP: "EOPNOTSUPP"
        case ENOBUFS: "ENOBUFS"
        case ENETDOWN: "ENETDOWN"
        case ETIMEDOUT: "ETIMEDOUT"
        case ENOLINK: "ENOLINK"
        default: "errno \(rawValue)"
        }
    }

    /// The C library's words for it.
    public var meaning: String {
        if rawValue == 524 { return "operation not supported by this kind of map or program" }
        return String(cString: strerror(rawValue))
    }

    public var description: String { "\(name) (\(rawValue), \(meaning))" }

    static var current: KernelErrno { KernelErrno(rawValue: errno) }

    public static let notPermitted = KernelErrno(rawValue: EPERM)
    public static let noEntry = KernelErrno(rawValue: ENOENT)
    public static let busy = KernelErrno(rawValue: EBUSY)
    public static let exists = KernelErrno(rawValue: EEXIST)
    public static let invalid = KernelErrno(rawValue: EINVAL)
    public static let tooBig = KernelErrno(rawValue: E2BIG)
    public static let range = KernelErrno(rawValue: ERANGE)
    public static let readOnlyFileSystem = KernelErrno(rawValue: EROFS)
    public static let operationNotSupported = KernelErrno(rawValue: EOPNOTSUPP)
    /// 524: the operation does not exist for this kind of map, e.g. a batch on a devmap.
    public static let notSupported = KernelErrno(rawValue: 524)
}
