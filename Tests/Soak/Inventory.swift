// SPDX-License-Identifier: Apache-2.0
import BPF
import Foundation
import Glibc
import TestSupport

/// What a node has in the kernel and in its folders, by names and counts: the same after each restart.
public struct Inventory: Sendable, Hashable {
    /// Objects, pins and files, each in words, with how many there are of each.
    public var items: [String: Int] = [:]
    /// The kernel's ids of the pinned links, by their pins: the very same ones after each restart.
    public var links: [String: UInt32] = [:]
    /// What should not be at all, in sentences.
    public var complaints: [String] = []

    /// Looks at a node whose daemon runs.
    /// - Parameter base: what the kernel had before there was the node; what nobody holds is only told if it is new since.
    public init(of node: SoakNode, since base: BPFInventory) {
        let pins = BPFReferences.pins(below: node.paths.pinPath)
        let process = BPFReferences(heldByProcess: node.processID)
        var own = BPFReferences(heldBy: pins)
        own.formUnion(process)
        own = own.closure()
        let all = BPFInventory.snapshot()
        for program in all.programs where own.programs.contains(program.id) {
            items["program \(program.name)", default: 0] += 1
        }
        for map in all.maps where own.maps.contains(map.id) {
            items["map \(map.name) (\(map.type), \(map.valueSize) bytes × \(map.maxEntries))", default: 0] += 1
        }
        for link in all.links where own.links.contains(link.id) {
            items["link of type \(link.type) at interface \(link.interfaceIndex)", default: 0] += 1
        }
        for pin in pins {
            let path = Self.withoutNumbers(String(pin.path.dropFirst(node.paths.pinPath.count + 1)))
            items["pin \(path): \(pin.kind.rawValue) \(pin.name)", default: 0] += 1
            if pin.kind == .link { links[path] = pin.id }
        }
        for folder in Self.folders(below: node.paths.pinPath) {
            let path = String(folder.dropFirst(node.paths.pinPath.count + 1))
            items["folder \(Self.withoutNumbers(path))", default: 0] += 1
            if ["new-", "gone-"].contains(where: path.hasPrefix) {
                complaints.append("\(folder) is left of a change that has ended")
            }
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: node.paths.stateFolder)) ?? [] {
            items["file \(name) of the state", default: 0] += 1
        }
        complaints += Self.lockComplaints(node) + Self.processComplaints(node)
        complaints += Self.orphans(all, since: base)
    }

    /// Differences from another inventory of the same node, in sentences.
    public func differences(from other: Inventory) -> [String] {
        var found = complaints
        for item in Set(items.keys).union(other.items.keys).sorted() {
            let (now, then) = (items[item] ?? 0, other.items[item] ?? 0)
            if now != then { found.append("\(item): \(now), and \(then) at first") }
        }
        for (pin, id) in other.links.sorted(by: { $0.key < $1.key }) where links[pin] != nil && links[pin] != id {
            found.append("\(pin) is link \(links[pin] ?? 0), and was link \(id)")
        }
        return found
    }

    /// Sets of pins are numbered, a new number for each; how many there are is what counts. Links keep theirs, an interface's.
    private static func withoutNumbers(_ path: String) -> String {
        let parts = path.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, first.hasPrefix("set-") else { return path }
        return (["set-N"] + parts.dropFirst().map(String.init)).joined(separator: "/")
    }

    /// All of it, a line each.
    public var text: String {
        items.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)\n" }.joined()
            + links.sorted { $0.key < $1.key }.map { "\($0.key) is link \($0.value)\n" }.joined()
    }

    private static func folders(below path: String) -> [String] {
        var folders: [String] = []
        for name in BPFFileSystem.names(in: path) {
            var status = stat()
            let child = "\(path)/\(name)"
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                folders += [child] + Self.folders(below: child)
            }
        }
        return folders
    }

    private static func lockComplaints(_ node: SoakNode) -> [String] {
        ["\(node.paths.socket).lock", node.paths.stateLock].compactMap { path in
            let holder = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").first
            if holder.map(String.init) == "\(node.processID)" { return nil }
            return "\(path) names process \(holder ?? "none"), and the daemon is \(node.processID)"
        }
    }

    /// Processes that were started for this node: the daemon alone.
    private static func processComplaints(_ node: SoakNode) -> [String] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { Int32($0) }.filter { $0 != node.processID && $0 != getpid() }.compactMap {
            process in
            guard let line = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8),
                line.contains(node.paths.socket)
            else { return nil }
            let words = line.split(separator: "\0").joined(separator: " ")
            return "process \(process) is still there: \(words)"
        }
    }

    /// Objects of packet programs that no process and no pin keeps, and that yet are there. The kernel frees them a moment after
    /// their last user, so they are looked for again.
    private static func orphans(_ all: BPFInventory, since base: BPFInventory) -> [String] {
        var inventory = all
        var suspects = orphans(in: inventory, since: base)
        for _ in 0..<100 where !suspects.isEmpty {
            usleep(50_000)
            inventory = BPFInventory.snapshot()
            suspects.formIntersection(orphans(in: inventory, since: base))
        }
        return suspects.sorted().map { "nobody holds \($0)" }
    }

    private static func orphans(in all: BPFInventory, since base: BPFInventory) -> Set<String> {
        let added = Set(all.added(since: base))
        guard !added.isEmpty else { return [] }
        var held = BPFReferences()
        for process in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            if let process = Int32(process) { held.formUnion(BPFReferences(heldByProcess: process)) }
        }
        for mount in BPFFileSystem.mounts() {
            held.formUnion(BPFReferences(heldBy: BPFReferences.pins(below: mount.path)))
        }
        held = held.closure()
        var left = all
        left.programs.removeAll { held.programs.contains($0.id) }
        left.maps.removeAll { held.maps.contains($0.id) }
        left.links.removeAll { held.links.contains($0.id) }
        return Set(left.added(since: base))
    }
}
