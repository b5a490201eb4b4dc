// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A number of `errno(3)` with its name and meaning.
public struct ErrorNumber: Equatable, Sendable, CustomStringConvertible {
    /// The positive number, as in `errno`.
    public let number: Int32

    /// Takes either sign, since the kernel's own interfaces report negative numbers.
    public init(_ number: Int32) {
        self.number = Int32(truncatingIfNeeded: number.magnitude)
    }

    /// The symbol, such as `EPERM`; `errno 4711` for a number Linux does not know.
    public var name: String {
        guard let name = clinux_errno_name(number) else { return "errno \(number)" }
        return String(cString: name)
    }

    /// The symbol and what it means: `EPERM (Operation not permitted)`.
    public var description: String {
        guard let meaning = clinux_errno_meaning(number) else { return name }
        return "\(name) (\(String(cString: meaning)))"
    }
}

/// Why a question to, or an order for, the kernel's network configuration failed.
public enum NetlinkError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel refused. `explanation` is the kernel's own sentence (the extended acknowledgement), if it gave one.
    case refused(operation: String, object: String, error: ErrorNumber, explanation: String?)
    /// A system call failed before the kernel's network code saw a request.
    case systemCall(call: String, object: String, error: ErrorNumber)
    /// Nothing of this name or index is there.
    case notFound(object: String)
    /// A message from the kernel does not hold together; nothing of it was used.
    case damaged(message: String, reason: String)
    /// The request cannot be expressed, and was not sent.
    case invalid(object: String, reason: String)

    /// The `errno` behind the failure, if there was one.
    public var errorNumber: ErrorNumber? {
        switch self {
        case .refused(_, _, let error, _), .systemCall(_, _, let error): error
        case .notFound: ErrorNumber(ENODEV)
        case .damaged, .invalid: nil
        }
    }

    /// One sentence: what was tried, on what, and what came back.
    public var description: String {
        switch self {
        case .refused(let operation, let object, let error, let explanation):
            let hint = error.number == EPERM ? "; this needs CAP_NET_ADMIN in the network namespace" : ""
            let kernel = explanation.map { ": the kernel says \"\($0)\"" } ?? ""
            return "cannot \(operation) \(object): \(error)\(kernel)\(hint)"
        case .systemCall(let call, let object, let error):
            return "\(call) failed for \(object): \(error)"
        case .notFound(let object):
            return "\(object) does not exist in this network namespace"
        case .damaged(let message, let reason):
            return "the kernel's \(message) message is damaged: \(reason)"
        case .invalid(let object, let reason):
            return "\(object) is not valid: \(reason)"
        }
    }
}
