// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import PiccoloProto
import Tables

/// A node reached over its socket: the same calls as the node itself, and streams.
public struct NodeClient: NodeService {
    /// Updates sent in one message; a request may be 4 MiB.
    static let batch = 5000
    /// Bytes of a file sent in one message.
    static let piece = 1 << 20

    let socket: String
    private let stub: Piccolo_V1_Node.Client<HTTP2ClientTransport.Posix>

    /// Connects and hands out a client for as long as `body` runs.
    ///
    /// - Throws: `NodeError.noDaemon` when nothing listens at the socket; what `body` throws.
    public static func connect<Result: Sendable>(
        to socket: String = NodeAddress.defaultSocket, _ body: @Sendable (NodeClient) async throws -> Result
    ) async throws -> Result {
        try probe(socket)
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: socket), transportSecurity: .plaintext)
        return try await withGRPCClient(transport: transport) { client in
            try await body(NodeClient(socket: socket, stub: Piccolo_V1_Node.Client(wrapping: client)))
        }
    }

    /// gRPC would go on trying for a daemon that is not there; a person wants to know at once.
    private static func probe(_ socket: String) throws(NodeError) {
        do {
            switch try SocketProbe(path: socket) {
            case .alive: return
            case .nothing, .stale: throw NodeError.noDaemon(socket: socket)
            case .notPermitted: throw NodeError.notPermitted(socket: socket)
            case .notASocket: throw NodeError.connection(socket: socket, why: "it is no socket")
            }
        } catch let error as NodeError {
            throw error
        } catch {
            throw .connection(socket: socket, why: "\(error)")
        }
    }

    public func status() async throws(NodeError) -> NodeStatus {
        try await call { try NodeStatus(try await stub.getStatus(Piccolo_V1_GetStatusRequest())) }
    }

    public func ports() async throws(NodeError) -> [PortReport] {
        try await call { try await stub.listPorts(Piccolo_V1_ListPortsRequest()).ports.map(PortReport.init) }
    }

    public func tables() async throws(NodeError) -> [TableReport] {
        try await call { try await stub.listTables(Piccolo_V1_ListTablesRequest()).tables.map(TableReport.init) }
    }

    public func entries(of table: TableID) async throws(NodeError) -> [EntryReport] {
        try await call {
            try await stub.listEntries(.with { $0.table = table.wire }) { response in
                var entries: [EntryReport] = []
                for try await page in response.messages { entries += try page.entries.map(EntryReport.init) }
                return entries
            }
        }
    }

    public func write(_ updates: [TableUpdate]) async throws(NodeError) -> [UpdateResult] {
        try await call {
            var results: [UpdateResult] = []
            for start in stride(from: 0, to: updates.count, by: Self.batch) {
                let batch = updates[start..<min(start + Self.batch, updates.count)]
                let response = try await stub.write(.with { $0.updates = batch.map(Piccolo_V1_Update.init) })
                guard response.results.count == batch.count else {
                    throw NodeError.connection(
                        socket: socket, why: "\(response.results.count) results for \(batch.count) updates")
                }
                results += try response.results.map { try $0.model() }
            }
            return results
        }
    }

    public func flows(_ filter: FlowFilter) async throws(NodeError) -> [FlowReport] {
        try await call {
            try await stub.listFlows(.with { $0.filter = filter.wire }) { response in
                var flows: [FlowReport] = []
                for try await page in response.messages { flows += try page.flows.map(FlowReport.init) }
                return flows
            }
        }
    }

    public func statistics() async throws(NodeError) -> NodeStatistics {
        try await call { try NodeStatistics(try await stub.getStats(Piccolo_V1_GetStatsRequest()).statistics) }
    }

    /// Statistics now and after every interval, until `body` returns false or the daemon stops.
    ///
    /// - Parameter milliseconds: 100...3600000.
    public func watch(
        every milliseconds: UInt32, _ body: @escaping @Sendable (NodeStatistics) async throws -> Bool
    ) async throws(NodeError) {
        try await call {
            try await stub.watch(.with { $0.intervalMilliseconds = milliseconds }) { response in
                for try await message in response.messages {
                    guard try await body(NodeStatistics(message.statistics)) else { break }
                }
            }
        }
    }

    public func acknowledgeCard() async throws(NodeError) -> [String] {
        try await call { try await stub.acknowledgeCard(Piccolo_V1_AcknowledgeCardRequest()).forgotten }
    }

    public func reload() async throws(NodeError) -> ReloadReport {
        try await call { ReloadReport(try await stub.reload(Piccolo_V1_ReloadRequest())) }
    }

    public func apply(text: String, path: String, dryRun: Bool) async throws(NodeError) -> ChangesReport {
        try await call {
            try await stub.apply { writer in
                let text = Array(text.utf8)
                try await writer.write(
                    .with { ($0.path, $0.dryRun, $0.text) = (path, dryRun, Data(text.prefix(Self.piece))) })
                var bytes = text.dropFirst(Self.piece)
                while !bytes.isEmpty {
                    try await writer.write(.with { $0.text = Data(bytes.prefix(Self.piece)) })
                    bytes = bytes.dropFirst(Self.piece)
                }
            } onResponse: { response in
                var report = ChangesReport()
                var isWhole = false
                for try await message in response.messages {
                    try report.add(message)
                    isWhole = message.hasSummary
                }
                guard isWhole else { throw NodeError.connection(socket: socket, why: "the answer ended early") }
                return report
            }
        }
    }

    public func differences() async throws(NodeError) -> [DifferenceReport] {
        try await call {
            try await stub.diff(Piccolo_V1_DiffRequest()) { response in
                var differences: [DifferenceReport] = []
                for try await page in response.messages {
                    differences += try page.differences.map(DifferenceReport.init)
                }
                return differences
            }
        }
    }

    public func reconcile(dryRun: Bool) async throws(NodeError) -> ReconcileReport {
        try await call { try ReconcileReport(try await stub.reconcile(.with { $0.dryRun = dryRun })) }
    }

    public func replaceProgram(
        _ image: [UInt8], name: String, progress: @escaping @Sendable (ProgramStep) async -> Void
    ) async throws(NodeError) -> ProgramVerdict {
        try await call {
            try await stub.replaceProgram { writer in
                try await writer.write(.with { ($0.name, $0.image) = (name, Data(image.prefix(Self.piece))) })
                var bytes = image.dropFirst(Self.piece)
                while !bytes.isEmpty {
                    try await writer.write(.with { $0.image = Data(bytes.prefix(Self.piece)) })
                    bytes = bytes.dropFirst(Self.piece)
                }
            } onResponse: { response in
                for try await message in response.messages {
                    switch message.step {
                    case .loaded(let program): await progress(.loaded(ProgramReport(program)))
                    case .switched: await progress(.switched)
                    case .verdict(let verdict): return try ProgramVerdict(verdict)
                    case .refused(let why): throw NodeError.failed(why)
                    case nil: break
                    }
                }
                throw NodeError.connection(socket: socket, why: "the answer ended without a verdict")
            }
        }
    }

    public func shutdown(keep: Bool) async throws(NodeError) {
        try await call { _ = try await stub.shutdown(.with { $0.keep = keep }) }
    }

    private func call<T>(_ body: () async throws -> T) async throws(NodeError) -> T {
        do {
            return try await body()
        } catch {
            throw NodeError(error, socket: socket)
        }
    }
}
#endif
