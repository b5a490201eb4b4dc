// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc

/// A node's memory in a directory of its own: an SQLite database, with a write-ahead log that is synchronised before a
/// change counts as stored. What is where, and what each problem means: `Docs/state.md`.
///
///     let store = try SQLiteStore.open(directory: "/var/lib/piccolo", node: "edge-1")
///     let node = try store.load { amendment in … }
///     store.commit(change) { problem in … }
///     store.close()
public final class SQLiteStore: NodeStore {
    /// Seconds since 1970.
    public typealias Clock = @Sendable () -> UInt64

    /// The system's clock.
    public static let systemClock: Clock = { UInt64(max(0, time(nil))) }

    /// The latest version of the tables this program knows; older ones are brought up to it when they are opened.
    public static var schemaVersion: Int { Schema.current }

    private let core: StoreCore

    private init(_ core: StoreCore) { self.core = core }

    deinit { core.close() }

    /// Opens the memory of a node for this process alone; makes it if there is none.
    ///
    /// Where it can be read but not written, it is opened all the same, and `problem` says why; `recover` tries again.
    ///
    /// - Parameters:
    ///   - directory: made if it is not there, with mode 0700.
    ///   - node: `node.name` of the configuration.
    ///   - machine: nil if the machine has no number.
    /// - Throws: `held`, `foreign`, `newerSchema`, `corrupt`, `failed`; nothing was changed then.
    public static func open(
        directory: String, node: String, machine: String? = MachineID.current(),
        clock: @escaping Clock = SQLiteStore.systemClock
    ) throws(StoreProblem) -> SQLiteStore {
        try open(directory, NodeIdentity(name: node, machine: machine), clock: clock, pagesToFold: 1000)
    }

    /// - Parameter pagesToFold: how long the log grows before it is folded into the database, in pages of 4 KiB: 4 MiB
    ///   of it are folded in a few milliseconds on a disk that is not slow.
    static func open(
        _ directory: String, _ identity: NodeIdentity, clock: @escaping Clock, pagesToFold: Int32
    ) throws(StoreProblem) -> SQLiteStore {
        let place = StorePlace(directory: directory)
        let access = try StoreAccess(place, identity, pagesToFold: pagesToFold)
        let core = StoreCore(place, identity, access, clock: clock)
        try core.start()
        return SQLiteStore(core)
    }

    public var problem: StoreProblem? { core.problem }

    public var notices: [String] {
        let lag = core.clockLag
        guard lag > 60 else { return [] }
        return [
            "clock_set_back: the clock is \(Self.duration(lag)) behind the time the last change was stored at; "
                + "times of changes are not to be relied on"
        ]
    }

    /// "90 s", "5 min", "3 h 20 min", "12 d 4 h".
    private static func duration(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    public func load(count: (Int) -> Void, _ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        try core.load(count, amendment)
    }

    public func commit(_ change: sending StoreChange, completion: @escaping @Sendable (StoreProblem?) -> Void) {
        core.commit(change, completion)
    }

    public func recover() { core.recover() }

    /// Not to be called in a completion, which it would wait for; from there it only begins to close.
    public func close() { core.close() }
}
