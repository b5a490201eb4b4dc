// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A Linux capability that BPF work asks for (capabilities(7)).
public enum Capability: Int, Sendable, CaseIterable, CustomStringConvertible {
    case netAdmin = 12
    case netRaw = 13
    case sysAdmin = 21
    case sysResource = 24
    case perfmon = 38
    case bpf = 39

    public var description: String {
        switch self {
        case .netAdmin: "CAP_NET_ADMIN"
        case .netRaw: "CAP_NET_RAW"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .sysResource: "CAP_SYS_RESOURCE"
        case .perfmon: "CAP_PERFMON"
        case .bpf: "CAP_BPF"
        }
    }

    /// The effective set of the calling thread; nil if /proc cannot tell.
    public static func effective() -> Set<Capability>? {
        guard let status = try? SystemFile.read("/proc/thread-self/status") else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") {
            let digits = line.dropFirst("CapEff:".count).drop { $0 == "\t" || $0 == " " }
            guard let mask = UInt64(digits, radix: 16) else { return nil }
            return Set(allCases.filter { mask >> UInt64($0.rawValue) & 1 == 1 })
        }
        return nil
    }

    /// Those of `wanted` the thread lacks. CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON.
    static func missing(of wanted: [Capability]) -> [Capability] {
        guard let held = effective() else { return [] }
        return missing(of: wanted, held: held)
    }

    static func missing(of wanted: [Capability], held: Set<Capability>) -> [Capability] {
        wanted.filter { capability in
            if held.contains(capability) { return false }
            return !(held.contains(.sysAdmin) && (capability == .bpf || capability == .perfmon))
        }
    }
}

/// Small text files of /proc and /sys.
enum SystemFile {
    static func read(_ path: String) throws(BPFError) -> String {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw .failure("open", on: path, needing: []) }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .failure("read", on: path, needing: [])
            }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Names in a folder, without `.` and `..`; empty if it cannot be read.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
