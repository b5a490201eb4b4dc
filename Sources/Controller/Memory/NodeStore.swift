// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What a call has made different from the configuration: an entry set, or one of the configuration's taken out.
public struct Amendment: Hashable, Sendable {
    public enum Kind: UInt8, Hashable, Sendable { case set, deleted }

    public var kind: Kind
    /// As it is to be; for a deletion as it was.
    public var entry: TableEntry
    /// Of a static flow, in ticks of `CoarseTime`.
    public var idleTimeout: UInt16?
    /// When, seconds since 1970 by the node's clock.
    public var time: UInt64

    public init(_ kind: Kind, _ entry: TableEntry, idleTimeout: UInt16? = nil, time: UInt64) {
        (self.kind, self.entry, self.idleTimeout, self.time) = (kind, entry, idleTimeout, time)
    }
}

/// A configuration as it was applied.
public struct StoredConfiguration: Hashable, Sendable {
    /// The file's text.
    public var text: String
    /// The file's path, for people.
    public var path: String

    public init(text: String, path: String) { (self.text, self.path) = (text, path) }
}

/// What a back end was given, as far as it cannot be asked: a record of its own for each place, and its marker.
public struct Shadow: Hashable, Sendable {
    /// `ReconcilableDataPlane.marker` when this was written.
    public var marker: UInt64
    /// Contents by place, in the back end's own words.
    public var records: [UInt64: [UInt8]]

    public init(marker: UInt64, records: [UInt64: [UInt8]] = [:]) { (self.marker, self.records) = (marker, records) }
}

/// What the node remembers, but for the amendments, which may be a million.
public struct StoredNode: Hashable, Sendable {
    public var configuration: StoredConfiguration?
    public var identities = Identities()
    /// Shadows by the back end's name.
    public var shadows: [String: Shadow] = [:]
    /// Grows by one with every change.
    public var revision: UInt64 = 0
    /// The policy generation when the last change was stored.
    public var generation: UInt16 = 0
    /// When the last change was stored, seconds since 1970 by the node's clock.
    public var time: UInt64 = 0

    public init() {}
}

/// One change: stored whole or not at all. What is nil or empty stays as it is.
public struct StoreChange: Sendable {
    public var configuration: StoredConfiguration?
    public var identities: Identities?
    public var generation: UInt16?
    /// Forget all amendments before setting those given.
    public var forgetsAmendments = false
    public var amendments: [Amendment] = []
    /// Amendments to forget, by their entries' keys.
    public var forgotten: [TableEntry] = []
    public struct ShadowChange: Sendable {
        public var marker: UInt64?
        /// nil removes the record.
        public var records: [UInt64: [UInt8]?]

        public init(marker: UInt64? = nil, records: [UInt64: [UInt8]?] = [:]) {
            (self.marker, self.records) = (marker, records)
        }
    }
    public var shadows: [String: ShadowChange] = [:]

    public init() {}
}

/// Why nothing can be stored. Forwarding goes on; changes are refused with this.
public enum StoreProblem: Error, Hashable, Sendable {
    /// No room on the file system.
    case full(path: String)
    case readOnly(path: String)
    /// The files were removed under the running node.
    case missing(path: String)
    case corrupt(path: String, what: String)
    /// Written by a later version of the program.
    case newerSchema(path: String, found: Int, known: Int)
    /// The state of another node.
    case foreign(path: String, owner: String, node: String)
    /// Another process has it.
    case held(path: String, holder: String)
    /// Anything else: the system's or SQLite's own words.
    case failed(path: String, what: String)
}

extension StoreProblem: CustomStringConvertible {
    /// One word for programs and tests.
    public var name: String {
        switch self {
        case .full: "full"
        case .readOnly: "read_only"
        case .missing: "missing"
        case .corrupt: "corrupt"
        case .newerSchema: "newer_schema"
        case .foreign: "foreign"
        case .held: "held"
        case .failed: "failed"
        }
    }

    public var description: String {
        switch self {
        case .full(let path): "there is no room for the state in \(path); make room, and changes are taken again"
        case .readOnly(let path):
            "the state in \(path) cannot be written: its file system is read-only, or the files may not be written"
        case .missing(let path):
            "the state in \(path) was removed while the node runs; restart the node to begin a new one"
        case .corrupt(let path, let what):
            "the state in \(path) is damaged (\(what)); `piccolo state check` says more; restore it, or move it away"
        case .newerSchema(let path, let found, let known):
            "the state in \(path) has schema version \(found), and this program knows up to \(known); "
                + "run the newer program, or give this one another --state-dir"
        case .foreign(let path, let owner, let node):
            "the state in \(path) belongs to node \(owner), and this is node \(node); give this one another "
                + "--state-dir, or make it this node's with `piccolo state claim`"
        case .held(let path, let holder): "the state in \(path) is held by process \(holder); stop that one first"
        case .failed(let path, let what): "the state in \(path) cannot be used: \(what)"
        }
    }
}

/// Where the node's memory is. One thread of its own writes; changes are stored in the order they come, many at once.
public protocol NodeStore: AnyObject, Sendable {
    /// Why nothing can be stored; nil while all is well.
    var problem: StoreProblem? { get }

    /// Sentences about what is odd and harmless: the clock is behind what was stored last.
    var notices: [String] { get }

    /// Reads everything; amendments one by one, in no order. `count` is told first how many come, to make room for them.
    func load(count: (Int) -> Void, _ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode

    /// Takes a change; `completion` is called once it is on disk, or cannot be, in the order of the changes. It must not block.
    /// After a failure everything fails until `recover` finds the store working.
    func commit(_ change: sending StoreChange, completion: @escaping @Sendable (StoreProblem?) -> Void)

    /// Tries whether a store that failed works again. Returns at once; `problem` tells later.
    func recover()

    /// Waits until all that was taken is stored, and closes. Everything fails from then on.
    func close()
}

extension NodeStore {
    /// Reads everything; amendments one by one, in no order.
    public func load(_ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        try load(count: { _ in }, amendment)
    }
}
