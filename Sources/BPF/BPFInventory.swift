// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// Everything the kernel has of BPF, of every process: to find what was left behind and who holds what.
public struct BPFInventory: Sendable, Hashable {
    public var programs: [ProgramInfo]
    public var maps: [MapInfo]
    public var links: [LinkInfo]

    /// Walks the kernel's ids (needs CAP_SYS_ADMIN; without it the lists are empty).
    public static func snapshot() -> BPFInventory {
        BPFInventory(
            programs: walk(bpf_prog_get_next_id, bpf_prog_get_fd_by_id) { fd in try? ProgramInfo(fd: fd) },
            maps: walk(bpf_map_get_next_id, bpf_map_get_fd_by_id) { fd in try? MapInfo(fd: fd) },
            links: links())
    }

    static func links() -> [LinkInfo] {
        walk(bpf_link_get_next_id, bpf_link_get_fd_by_id) { fd in try? LinkInfo(fd: fd) }
    }

    /// What is here and was not in `earlier`, by id, in words.
    public func added(since earlier: BPFInventory) -> [String] {
        let programs = Set(earlier.programs.map(\.id))
        let maps = Set(earlier.maps.map(\.id))
        let links = Set(earlier.links.map(\.id))
        return self.programs.filter { !programs.contains($0.id) }.map(\.description)
            + self.maps.filter { !maps.contains($0.id) }.map(\.description)
            + self.links.filter { !links.contains($0.id) }
            .map { "link \($0.id) type \($0.type) program \($0.programID) interface \($0.interfaceIndex)" }
    }

    private static func walk<Info>(
        _ next: (UInt32, UnsafeMutablePointer<UInt32>?) -> Int32, _ open: (UInt32) -> Int32, _ read: (Int32) -> Info?
    ) -> [Info] {
        var list: [Info] = []
        var id: UInt32 = 0
        while next(id, &id) == 0 {
            let fd = open(id)
            // It may have gone meanwhile.
            if fd < 0 { continue }
            if let info = read(fd) { list.append(info) }
            close(fd)
        }
        return list
    }

    /// Processes and pins that hold a link: `process 812 (piccolo)`, `pin /sys/fs/bpf/…`.
    static func holders(ofLink id: UInt32) -> [String] {
        var holders: [String] = []
        for process in SystemFile.names(in: "/proc") where process.allSatisfy(\.isNumber) {
            let folder = "/proc/\(process)/fdinfo"
            for descriptor in SystemFile.names(in: folder) {
                guard let text = try? SystemFile.read("\(folder)/\(descriptor)"), linkID(in: text) == id else {
                    continue
                }
                let name = (try? SystemFile.read("/proc/\(process)/comm"))?.split(separator: "\n").first ?? "?"
                holders.append("process \(process) (\(name))")
                break
            }
        }
        for mount in BPFFileSystem.mounts() { pins(of: id, below: mount.path, depth: 0, into: &holders) }
        return holders
    }

    private static func pins(of id: UInt32, below path: String, depth: Int, into holders: inout [String]) {
        guard depth < 8 else { return }
        for name in SystemFile.names(in: path) {
            let child = path + "/" + name
            if BPFFileSystem.isDirectory(child) {
                pins(of: id, below: child, depth: depth + 1, into: &holders)
            } else if let link = try? BPFFileSystem.open(child, kind: .link),
                let info = try? LinkInfo(fd: link.raw), info.id == id
            {
                holders.append("pin \(child)")
            }
        }
    }

    private static func linkID(in text: String) -> UInt32? {
        for line in text.split(separator: "\n") where line.hasPrefix("link_id:") {
            return UInt32(line.dropFirst("link_id:".count).drop { $0 == "\t" || $0 == " " })
        }
        return nil
    }
}
