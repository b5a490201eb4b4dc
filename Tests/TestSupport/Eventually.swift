// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Something is not as a test needs it.
public struct Unexpected: Error, CustomStringConvertible {
    /// What is the matter.
    public let description: String

    /// Says so.
    public init(description: String) { self.description = description }
}

/// Waits until a condition holds; false if it does not in `timeout` seconds, which no test may depend on being short.
public func holdsEventually(timeout: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while true {
        if try condition() { return true }
        guard Date() < deadline else { return false }
        usleep(20_000)
    }
}
