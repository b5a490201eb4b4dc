// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// Programs, maps and links by their ids: what somebody holds, and so keeps in the kernel.
public struct BPFReferences: Sendable, Hashable {
    public var programs: Set<UInt32> = []
    public var maps: Set<UInt32> = []
    public var links: Set<UInt32> = []

    public init() {}

    /// A pin: its path and what it holds, with the kernel's name of it (links have none).
    public struct Pin: Sendable, Hashable {
        public enum Kind: String, Sendable { case program, map, link }

        public var path: String
        public var kind: Kind
        public var id: UInt32
        public var name: String
    }

    /// What a process holds by descriptors. Nothing if it is gone, or not ours to look at (needs CAP_SYS_PTRACE).
    public init(heldByProcess process: Int32) {
        let folder = "/proc/\(process)/fdinfo"
        for descriptor in SystemFile.names(in: folder) {
            guard let text = try? SystemFile.read("\(folder)/\(descriptor)") else { continue }
            var link: UInt32?
            var program: UInt32?
            for line in text.split(separator: "\n") {
                let words = line.split(separator: ":", maxSplits: 1)
                guard words.count == 2, let id = UInt32(words[1].drop { $0 == "\t" || $0 == " " }) else { continue }
                switch words[0] {
                case "link_id": link = id
                case "prog_id": program = id
                case "map_id": maps.insert(id)
                default: break
                }
            }
            // A link's lines name its program as well, which may be another one a moment later.
            if let link { links.insert(link) } else if let program { programs.insert(program) }
        }
    }

    /// What pins hold.
    public init(heldBy pins: some Sequence<Pin>) {
        for pin in pins {
            switch pin.kind {
            case .program: programs.insert(pin.id)
            case .map: maps.insert(pin.id)
            case .link: links.insert(pin.id)
            }
        }
    }

    /// All pins in a folder of a BPF file system and in the folders below it, sorted by path.
    public static func pins(below folder: String) -> [Pin] {
        SystemFile.names(in: folder).flatMap { name -> [Pin] in
            let path = "\(folder)/\(name)"
            return BPFFileSystem.isDirectory(path) ? pins(below: path) : pin(at: path).map { [$0] } ?? []
        }
    }

    private static func pin(at path: String) -> Pin? {
        let fd = bpf_obj_get(path)
        guard fd >= 0 else { return nil }
        let descriptor = FileDescriptor(owning: fd)
        switch BPFFileSystem.kind(of: descriptor.raw) {
        case .program:
            return (try? ProgramInfo(fd: fd)).map { Pin(path: path, kind: .program, id: $0.id, name: $0.name) }
        case .map: return (try? MapInfo(fd: fd)).map { Pin(path: path, kind: .map, id: $0.id, name: $0.name) }
        case .link: return (try? LinkInfo(fd: fd)).map { Pin(path: path, kind: .link, id: $0.id, name: "") }
        case nil: return nil
        }
    }

    public mutating func formUnion(_ other: BPFReferences) {
        programs.formUnion(other.programs)
        maps.formUnion(other.maps)
        links.formUnion(other.links)
    }

    /// These and everything they keep in their turn: links their programs, programs their maps, program arrays and arrays of
    /// maps what is in them.
    public func closure() -> BPFReferences {
        var all = self
        var newPrograms = programs
        var newMaps = maps
        for link in links {
            let fd = bpf_link_get_fd_by_id(link)
            guard fd >= 0 else { continue }
            let descriptor = FileDescriptor(owning: fd)
            if let program = (try? LinkInfo(fd: descriptor.raw))?.programID, all.programs.insert(program).inserted {
                newPrograms.insert(program)
            }
        }
        while true {
            if let program = newPrograms.popFirst() {
                newMaps.formUnion(Self.maps(ofProgram: program).filter { all.maps.insert($0).inserted })
            } else if let map = newMaps.popFirst() {
                let members = Self.members(ofMap: map)
                newPrograms.formUnion(members.programs.filter { all.programs.insert($0).inserted })
                newMaps.formUnion(members.maps.filter { all.maps.insert($0).inserted })
            } else {
                return all
            }
        }
    }

    private static func maps(ofProgram id: UInt32) -> [UInt32] {
        let fd = bpf_prog_get_fd_by_id(id)
        guard fd >= 0 else { return [] }
        let descriptor = FileDescriptor(owning: fd)
        // As many as a program may use (kernel/bpf/verifier.c, MAX_USED_MAPS).
        var ids = [UInt32](repeating: 0, count: 64)
        return ids.withUnsafeMutableBufferPointer { buffer in
            var info = bpf_prog_info()
            info.nr_map_ids = UInt32(buffer.count)
            info.map_ids = UInt64(UInt(bitPattern: buffer.baseAddress))
            var length = UInt32(MemoryLayout<bpf_prog_info>.size)
            guard bpf_obj_get_info_by_fd(descriptor.raw, &info, &length) == 0 else { return [] }
            return Array(buffer.prefix(Int(info.nr_map_ids)))
        }
    }

    /// What is in a program array or an array of maps; in other maps there is nothing of the kind.
    private static func members(ofMap id: UInt32) -> (programs: [UInt32], maps: [UInt32]) {
        let arrayOfMaps = MapType(rawValue: 12)
        let fd = bpf_map_get_fd_by_id(id)
        guard fd >= 0 else { return ([], []) }
        let descriptor = FileDescriptor(owning: fd)
        guard let info = try? MapInfo(fd: descriptor.raw), info.type == .programArray || info.type == arrayOfMaps else {
            return ([], [])
        }
        var members: [UInt32] = []
        for index in 0..<info.maxEntries {
            var key = index
            var value: UInt32 = 0
            if bpf_map_lookup_elem(descriptor.raw, &key, &value) == 0 { members.append(value) }
        }
        return info.type == .programArray ? (members, []) : ([], members)
    }
}
