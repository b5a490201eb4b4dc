// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc

/// What is pinned below one directory of a BPF file system:
///
///     set-3/…          a set: every map and program of one load, by name
///     link-7           the link of interface 7
///     new-4/, gone-2/  a set that was being made, or removed, when its process ended
///
/// A set is made as `new-n` and renamed when it is complete, and renamed to `gone-n` before it is removed: so whatever the
/// instant at which a process ends, a set is whole or is not there. Everything else below the directory is not ours.
struct PinnedSets {
    let directory: String
    /// By its links a set is known to be in force: the program of a set that is attached.
    var program = "xdp_fastpath"

    /// Numbers of the sets that are whole, oldest first.
    var numbers: [UInt32] { entries("set-") }

    func path(_ number: UInt32) -> String { "\(directory)/set-\(number)" }

    /// Removes what a process that ended in the middle left of sets it was making or removing.
    func removeLeftovers() {
        for prefix in ["new-", "gone-"] {
            for number in entries(prefix) { remove("\(directory)/\(prefix)\(number)") }
        }
    }

    /// Removes the sets that no link runs.
    func removeUnused(except kept: UInt32?) {
        let running = Set(links().compactMap(\.programID))
        for number in numbers where number != kept {
            if let id = programID(of: number), running.contains(id) { continue }
            drop(number)
        }
    }

    /// Pins all of a fast path as a new set.
    /// - Returns: its number, higher than any before.
    func add(_ fastPath: FastPath) throws(BPFError) -> UInt32 {
        let number = next
        try add(fastPath, as: number)
        return number
    }

    /// Pins all of a fast path as the set of a number that no set has.
    func add(_ fastPath: FastPath, as number: UInt32) throws(BPFError) {
        try add(as: number) { (path) throws(BPFError) in try fastPath.pin(in: path) }
    }

    /// Makes a set of whatever `pin` puts into the directory it is given.
    /// - Returns: its number, higher than any before.
    func add(_ pin: (_ directory: String) throws(BPFError) -> Void) throws(BPFError) -> UInt32 {
        let number = next
        try add(as: number, pin)
        return number
    }

    private var next: UInt32 { (["set-", "new-", "gone-"].flatMap(entries).max() ?? 0) + 1 }

    private func add(
        as number: UInt32, _ pin: (_ directory: String) throws(BPFError) -> Void
    ) throws(BPFError) {
        try BPFFileSystem.createDirectory(directory)
        let making = "\(directory)/new-\(number)"
        try BPFFileSystem.createDirectory(making)
        do {
            try pin(making)
            try BPFFileSystem.rename(making, to: path(number))
        } catch {
            remove(making)
            throw error
        }
    }

    /// Removes a set. What its programs and maps are in use by keeps them.
    func drop(_ number: UInt32) {
        let going = "\(directory)/gone-\(number)"
        guard (try? BPFFileSystem.rename(path(number), to: going)) != nil else { return }
        remove(going)
    }

    /// Links that are pinned, by interface: the link's present program, nil for a pin that is no XDP link.
    func links() -> [(interfaceIndex: UInt32, programID: UInt32?)] {
        entries("link-").map { index in
            (index, (try? XDPLink(pinned: "\(directory)/link-\(index)").info())?.programID)
        }
    }

    /// The set that a start takes over; nil if there is none.
    ///
    /// It is the one whose program the pinned links run. Links of several sets mean that a process ended in the middle of putting
    /// a new one in place: the older one is complete, and the newer was never found good. Without links there is no
    /// better guess than the same.
    func current() -> UInt32? {
        let running = Set(links().compactMap(\.programID))
        let numbers = numbers
        return numbers.first { programID(of: $0).map(running.contains) ?? false } ?? numbers.first
    }

    /// The kernel's id of the program a set attaches to ports.
    func programID(of number: UInt32) -> UInt32? {
        do { return try Program(pinned: "\(path(number))/\(program)").id } catch { return nil }
    }

    private func entries(_ prefix: String) -> [UInt32] {
        BPFFileSystem.names(in: directory).compactMap { name in
            guard name.hasPrefix(prefix), let number = UInt32(name.dropFirst(prefix.count)),
                name == "\(prefix)\(number)"
            else { return nil }
            return number
        }.sorted()
    }

    private func remove(_ path: String) { try? BPFFileSystem.removeDirectory(path) }
}
