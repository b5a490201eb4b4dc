// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What a node offers to its users, in the model's own terms. The controller implements it; `NodeServer` puts it on a
/// socket and `NodeClient` implements it again at the other end, so that whoever is written against it works with either.
///
/// Calls may come at the same time from several clients. Values returned are snapshots.
public protocol NodeService: Sendable {
    func status() async throws(NodeError) -> NodeStatus
    func ports() async throws(NodeError) -> [PortReport]
    func tables() async throws(NodeError) -> [TableReport]

    /// The entries of a table; order unspecified.
    func entries(of table: TableID) async throws(NodeError) -> [EntryReport]

    /// Applies the updates one after another; a result for each, in order. A rejected one changes nothing and does not
    /// stop the others. Throws only if the node cannot take writes at all.
    func write(_ updates: [TableUpdate]) async throws(NodeError) -> [UpdateResult]

    /// The flow-cache entries that pass the filter, at most `filter.limit`.
    func flows(_ filter: FlowFilter) async throws(NodeError) -> [FlowReport]

    func statistics() async throws(NodeError) -> NodeStatistics

    /// Reads the configuration again and applies the differences, all of them or none.
    /// - Throws: `NodeError.configuration` with every complaint; nothing has changed then.
    func reload() async throws(NodeError) -> ReloadReport

    /// Applies a configuration file, all of it or none. What it names is what it says from then on, whatever calls made of it;
    /// what only the file before it named is gone.
    ///
    /// - Parameters:
    ///   - text: the file's text.
    ///   - path: for complaints, and for people.
    ///   - dryRun: only say what would change.
    /// - Throws: `NodeError.configuration` with every complaint; `NodeError.failed` if the tables do not take it or it cannot be
    ///   stored. Nothing has changed then.
    func apply(text: String, path: String, dryRun: Bool) async throws(NodeError) -> ChangesReport

    /// Every entry that calls have made different from the configuration in force; order unspecified.
    func differences() async throws(NodeError) -> [DifferenceReport]

    /// Compares programs, tables and links with what is wanted; repairs them unless `dryRun`.
    func reconcile(dryRun: Bool) async throws(NodeError) -> ReconcileReport

    /// Puts another program in place of the one that decides packets, without losing any, and takes it back if it does worse.
    ///
    /// - Parameters:
    ///   - image: an object file, ELF.
    ///   - name: what it is called, for people.
    ///   - progress: called as each step is done; the verdict is returned.
    /// - Throws: `NodeError.failed` if the kernel does not take it, with the verifier's log. Nothing has changed then.
    func replaceProgram(
        _ image: [UInt8], name: String, progress: @escaping @Sendable (ProgramStep) async -> Void
    ) async throws(NodeError) -> ProgramVerdict

    /// Forgets what the card complained of and is over; what is still wrong is seen again.
    /// - Returns: what was forgotten, in sentences.
    /// - Throws: `NodeError.failed` if there is no card.
    func acknowledgeCard() async throws(NodeError) -> [String]

    /// Starts to stop the daemon and returns; the answer still reaches the client.
    /// - Parameter keep: leave programs, links and tables in the kernel, so that packets keep flowing.
    func shutdown(keep: Bool) async throws(NodeError)
}

/// Why a call to a node failed. Rejected updates are no failure; they have results.
public enum NodeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field of the request (`updates[3].entry.route.prefix.length`) and what it can be.
    case invalid(field: String, value: String, expected: String)
    /// The configuration cannot be used; what the node does has not changed.
    case configuration(complaints: [String])
    case failed(String)
    /// The daemon is on its way out.
    case stopping
    /// Nothing listens on the socket.
    case noDaemon(socket: String)
    /// The socket is there, but not for this user.
    case notPermitted(socket: String)
    /// The connection broke, or what answered did not speak as a daemon does.
    case connection(socket: String, why: String)

    public var description: String {
        switch self {
        case .invalid(let field, let value, let expected):
            "\(field) cannot be \(value); expected \(expected)"
        case .configuration(let complaints):
            complaints.joined(separator: "\n")
        case .failed(let message):
            message
        case .stopping:
            "the daemon is stopping"
        case .noDaemon(let socket):
            "no piccolo daemon answers at \(socket): start one with `piccolo run --config FILE`"
        case .notPermitted(let socket):
            "\(socket) is for its owner alone (mode 0600): run the command as the daemon's user, usually root"
        case .connection(let socket, let why):
            "the connection to the daemon at \(socket) failed: \(why)"
        }
    }
}
