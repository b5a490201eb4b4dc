// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A set of processors, as sched_setaffinity(2) takes it.
struct Processors: Equatable {
    static let list = "/sys/devices/system/cpu/online"
    /// 8192 processors, the most a kernel is built for.
    private static let words = 128

    private var bits: [UInt64]

    init(_ numbers: [Int]) {
        bits = [UInt64](repeating: 0, count: Self.words)
        for number in numbers where number < Self.words * 64 { bits[number / 64] |= 1 << UInt64(number % 64) }
    }

    func contains(_ number: Int) -> Bool {
        number < Self.words * 64 && bits[number / 64] & 1 << UInt64(number % 64) != 0
    }

    // MARK: The calling thread's

    static func ofThisThread() throws(GracePeriodError) -> Processors {
        var processors = Processors([])
        let code = memory_get_affinity(&processors.bits, words * 8)
        if code != 0 { throw .processors(errno: code) }
        return processors
    }

    /// 0, or the errno.
    func apply() -> Int32 { bits.withUnsafeBufferPointer { memory_set_affinity($0.baseAddress, Self.words * 8) } }

    /// Gives the thread back what it had before it visited others.
    ///
    /// Who was allowed on all of them is allowed on all there can be, as a thread is that was never restricted: the set
    /// that was read has no processors that come online later.
    func restore(visited: [Int]) {
        let isUnrestricted = visited.allSatisfy(contains)
        if isUnrestricted || apply() != 0 { _ = Self.every.apply() }
    }

    private static var every: Processors {
        var processors = Processors([])
        for word in processors.bits.indices { processors.bits[word] = .max }
        return processors
    }

    // MARK: The machine's

    /// The numbers of those that are online.
    static func online() throws(GracePeriodError) -> [Int] {
        guard let text = SmallFile.read(list) else { throw .processors(errno: errno) }
        return numbers(text)
    }

    /// The kernel's way to write them: `0-3,8`.
    static func numbers(_ text: String) -> [Int] {
        text.utf8.split { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\n") }.flatMap { part -> ClosedRange<Int> in
            let ends = part.split(separator: UInt8(ascii: "-")).map { $0.reduce(0) { $0 * 10 + Int($1 & 15) } }
            return ends[0]...max(ends[0], ends[ends.count - 1])
        }
    }
}

/// Files of /sys that fit into a page.
enum SmallFile {
    /// Nil, and `errno`, if it cannot be read.
    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = Glibc.read(file, buffer.baseAddress, buffer.count)
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}
