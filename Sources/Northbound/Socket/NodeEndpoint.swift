// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import GRPCCore
import PiccoloProto
import Tables

/// The gRPC service over a `NodeService`: parses, checks and translates, and decides nothing.
struct NodeEndpoint: Piccolo_V1_Node.SimpleServiceProtocol {
    static let pageSizes: ClosedRange<UInt32> = 1...10_000
    static let defaultPageSize: UInt32 = 1000
    /// Milliseconds.
    static let intervals: ClosedRange<UInt32> = 100...3_600_000
    static let defaultInterval: UInt32 = 1000

    /// Bytes of what comes in pieces.
    static let longestText = 64 << 20
    static let largestImage = 16 << 20

    let service: any NodeService

    func getStatus(
        request: Piccolo_V1_GetStatusRequest, context: ServerContext
    ) async throws -> Piccolo_V1_GetStatusResponse {
        try await answer { () async throws(NodeError) in try await service.status().wire }
    }

    func listPorts(
        request: Piccolo_V1_ListPortsRequest, context: ServerContext
    ) async throws -> Piccolo_V1_ListPortsResponse {
        let ports = try await answer { () async throws(NodeError) in try await service.ports() }
        return .with { $0.ports = ports.map(\.wire) }
    }

    func listTables(
        request: Piccolo_V1_ListTablesRequest, context: ServerContext
    ) async throws -> Piccolo_V1_ListTablesResponse {
        let tables = try await answer { () async throws(NodeError) in try await service.tables() }
        return .with { $0.tables = tables.map(\.wire) }
    }

    func listEntries(
        request: Piccolo_V1_ListEntriesRequest, response: RPCWriter<Piccolo_V1_ListEntriesResponse>,
        context: ServerContext
    ) async throws {
        let (entries, pageSize) = try await answer { () async throws(NodeError) in
            let pageSize = try Self.pageSize(request.pageSize)
            return (try await service.entries(of: try TableID(request.table)), pageSize)
        }
        for start in stride(from: 0, to: entries.count, by: pageSize) {
            let page = entries[start..<min(start + pageSize, entries.count)]
            try await response.write(.with { $0.entries = page.map(\.wire) })
        }
    }

    func listFlows(
        request: Piccolo_V1_ListFlowsRequest, response: RPCWriter<Piccolo_V1_ListFlowsResponse>,
        context: ServerContext
    ) async throws {
        let (flows, pageSize) = try await answer { () async throws(NodeError) in
            let pageSize = try Self.pageSize(request.pageSize)
            let filter = try Field.within("filter") { () throws(NodeError) in try FlowFilter(request.filter) }
            return (try await service.flows(filter), pageSize)
        }
        for start in stride(from: 0, to: flows.count, by: pageSize) {
            let page = flows[start..<min(start + pageSize, flows.count)]
            try await response.write(.with { $0.flows = page.map(\.wire) })
        }
    }

    /// A request with a field that cannot be is refused whole, before anything of it is done.
    func write(request: Piccolo_V1_WriteRequest, context: ServerContext) async throws -> Piccolo_V1_WriteResponse {
        let results = try await answer { () async throws(NodeError) in
            guard !request.atomic else {
                throw .invalid(
                    field: "atomic", value: "true",
                    expected: "false: updates are applied one after another, each with its own result")
            }
            var updates: [TableUpdate] = []
            updates.reserveCapacity(request.updates.count)
            for (index, update) in request.updates.enumerated() {
                updates.append(try Field.within("updates[\(index)]") { () throws(NodeError) in try update.model() })
            }
            return try await service.write(updates)
        }
        return .with { $0.results = results.map(Piccolo_V1_UpdateResult.init) }
    }

    func getStats(
        request: Piccolo_V1_GetStatsRequest, context: ServerContext
    ) async throws -> Piccolo_V1_GetStatsResponse {
        let statistics = try await answer { () async throws(NodeError) in try await service.statistics() }
        return .with { $0.statistics = statistics.wire }
    }

    func watch(
        request: Piccolo_V1_WatchRequest, response: RPCWriter<Piccolo_V1_WatchResponse>, context: ServerContext
    ) async throws {
        let interval: UInt32 = try await answer { () async throws(NodeError) in
            request.intervalMilliseconds == 0
                ? Self.defaultInterval
                : try Field.number(request.intervalMilliseconds, "interval_milliseconds", in: Self.intervals)
        }
        // Cancellation of a call does not cancel its task; whichever comes first, the end or the next interval.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let clock = ContinuousClock()
                var next = clock.now
                while !Task.isCancelled {
                    let statistics = try await answer { () async throws(NodeError) in try await service.statistics() }
                    try await response.write(.with { $0.statistics = statistics.wire })
                    next = max(next + .milliseconds(Int(interval)), clock.now)
                    try await clock.sleep(until: next, tolerance: nil)
                }
            }
            group.addTask { try await context.cancellation.cancelled }
            defer { group.cancelAll() }
            try await group.next()
            // Of no interest to a client that went away; one that is still there learns why its stream ends.
            throw NodeError.stopping.status
        }
    }

    func acknowledgeCard(
        request: Piccolo_V1_AcknowledgeCardRequest, context: ServerContext
    ) async throws -> Piccolo_V1_AcknowledgeCardResponse {
        try await answer { () async throws(NodeError) in
            let forgotten = try await service.acknowledgeCard()
            return .with { $0.forgotten = forgotten }
        }
    }

    func reload(request: Piccolo_V1_ReloadRequest, context: ServerContext) async throws -> Piccolo_V1_ReloadResponse {
        try await answer { () async throws(NodeError) in try await service.reload().wire }
    }

    func apply(
        request: RPCAsyncSequence<Piccolo_V1_ApplyRequest, any Error>,
        response: RPCWriter<Piccolo_V1_ApplyResponse>, context: ServerContext
    ) async throws {
        var first: Piccolo_V1_ApplyRequest?
        var bytes: [UInt8] = []
        for try await message in request {
            if first == nil { first = message }
            try Self.add(message.text, to: &bytes, "text", limit: Self.longestText)
        }
        guard let first else { throw Field.missing("path", "the file's path, and its text").status }
        let report = try await answer { [bytes] () async throws(NodeError) in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .invalid(field: "text", value: "anything but UTF-8", expected: "a text in UTF-8")
            }
            return try await service.apply(text: text, path: first.path, dryRun: first.dryRun)
        }
        let pageSize = Int(Self.defaultPageSize)
        for start in stride(from: 0, to: report.changes.count, by: pageSize) {
            let page = report.changes[start..<min(start + pageSize, report.changes.count)]
            try await response.write(.with { $0.changes = page.map(\.wire) })
        }
        try await response.write(.with { $0.summary = report.summary })
    }

    func diff(
        request: Piccolo_V1_DiffRequest, response: RPCWriter<Piccolo_V1_DiffResponse>, context: ServerContext
    ) async throws {
        let (differences, pageSize) = try await answer { () async throws(NodeError) in
            let pageSize = try Self.pageSize(request.pageSize)
            // What a call deleted and the configuration has no more differs in nothing.
            let differences = try await service.differences().filter { $0.entry != nil || $0.configured != nil }
            return (differences, pageSize)
        }
        for start in stride(from: 0, to: differences.count, by: pageSize) {
            let page = differences[start..<min(start + pageSize, differences.count)]
            try await response.write(.with { $0.differences = page.map(\.wire) })
        }
    }

    func reconcile(
        request: Piccolo_V1_ReconcileRequest, context: ServerContext
    ) async throws -> Piccolo_V1_ReconcileResponse {
        try await answer { () async throws(NodeError) in try await service.reconcile(dryRun: request.dryRun).wire }
    }

    func replaceProgram(
        request: RPCAsyncSequence<Piccolo_V1_ReplaceProgramRequest, any Error>,
        response: RPCWriter<Piccolo_V1_ReplaceProgramResponse>, context: ServerContext
    ) async throws {
        var name: String?
        var bytes: [UInt8] = []
        for try await message in request {
            if name == nil { name = message.name }
            try Self.add(message.image, to: &bytes, "image", limit: Self.largestImage)
        }
        guard !bytes.isEmpty else { throw Field.missing("image", "an object file").status }
        let verdict: ProgramVerdict
        do throws(NodeError) {
            verdict = try await service.replaceProgram(bytes, name: name ?? "") { step in
                // A client that went away misses the steps; the replacement goes on to its end.
                try? await response.write(step.wire)
            }
        } catch .failed(let why) {
            // A verifier's log is longer than a status can be.
            return try await response.write(.with { $0.refused = why })
        } catch {
            throw error.status
        }
        try await response.write(.with { $0.verdict = verdict.wire })
    }

    /// A piece of a file that comes in several messages.
    private static func add(_ piece: Data, to bytes: inout [UInt8], _ field: String, limit: Int) throws {
        guard bytes.count + piece.count <= limit else {
            throw NodeError.invalid(field: field, value: "longer than \(limit) bytes", expected: "\(limit) at most")
                .status
        }
        bytes += piece
    }

    func shutdown(
        request: Piccolo_V1_ShutdownRequest, context: ServerContext
    ) async throws -> Piccolo_V1_ShutdownResponse {
        try await answer { () async throws(NodeError) in try await service.shutdown(keep: request.keep) }
        return Piccolo_V1_ShutdownResponse()
    }

    private static func pageSize(_ given: UInt32) throws(NodeError) -> Int {
        given == 0 ? Int(defaultPageSize) : Int(try Field.number(given, "page_size", in: pageSizes) as UInt32)
    }
}

/// Runs a call, with its error as a gRPC status.
private func answer<T>(_ body: () async throws(NodeError) -> T) async throws -> T {
    do {
        return try await body()
    } catch {
        throw error.status
    }
}
#endif
