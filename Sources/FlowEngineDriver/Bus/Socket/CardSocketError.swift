// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why a card that runs as a process of its own did not do what was asked.
public enum CardSocketError: Error, Hashable, Sendable {
    /// Nobody listens at the path.
    case notThere(path: String, errno: Int32)
    case pathTooLong(path: String, limit: Int)
    /// It hung up, or was killed. Whether it carried out the last request is unknown.
    case gone(path: String)
    /// No answer in time. The connection is given up, since a late answer would be taken for that of the next request.
    case late(path: String, milliseconds: Int)
    /// The connection was given up after an earlier error, and there was no other to be had.
    case closed(path: String, because: String, now: String)
    /// An answer that does not keep to the protocol.
    case malformed(path: String, what: String)
    /// The card says that it could not do it.
    case refused(path: String, text: String)
    /// A request that does not fit into a message.
    case tooLong(path: String, what: String)
    case system(path: String, call: String, errno: Int32)
}

extension CardSocketError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notThere(let path, let number):
            "no card listens at \(path): \(String(cString: strerror(number))) (errno \(number)); start one with `piccolo card simulate`"
        case .pathTooLong(let path, let limit):
            "the socket's path \(path) is \(path.utf8.count) bytes long; at most \(limit) fit"
        case .gone(let path):
            "the card at \(path) hung up; whether it carried out the last request is unknown"
        case .late(let path, let milliseconds):
            "the card at \(path) did not answer within \(milliseconds) ms; the connection was given up"
        case .closed(_, let because, let now): "\(now); the connection was given up before: \(because)"
        case .malformed(let path, let what): "the card at \(path) does not keep to the protocol: \(what)"
        case .refused(let path, let text): "the card at \(path) refused: \(text)"
        case .tooLong(let path, let what): "a request to the card at \(path) is too long: \(what)"
        case .system(let path, let call, let number):
            "\(call) on \(path): \(String(cString: strerror(number))) (errno \(number))"
        }
    }
}
