// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// The `piccolo` of this build: it lies beside what asks for it.
public enum Piccolo {
    /// Where it is.
    public static func path() throws -> String { try path(of: "piccolo") }

    /// Where an executable of this build is.
    public static func path(of name: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? 0
        }
        let own = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        var candidates = [own] + CommandLine.arguments
        if let place = candidates.firstIndex(of: "--test-bundle-path"), place + 1 < candidates.count {
            candidates.insert(candidates[place + 1], at: 0)
        }
        for candidate in candidates where candidate.contains("/") {
            let path = URL(filePath: candidate).deletingLastPathComponent().appending(path: name).path
            if access(path, X_OK) == 0 { return path }
        }
        throw Unexpected(
            description: "there is no \(name) beside any of \(candidates); build it first (--build-tests builds all)")
    }

    /// Runs a command of it to its end.
    public static func run(_ arguments: [String], before wrapper: [String] = []) throws -> CommandResult {
        try Command.run(wrapper + [path()] + arguments)
    }
}
