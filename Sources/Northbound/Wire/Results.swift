// SPDX-License-Identifier: Apache-2.0
#if Northbound
import GRPCCore
import PiccoloProto
import Tables

extension Piccolo_V1_UpdateResult {
    init(_ result: UpdateResult) {
        self.init()
        guard let reason = result.error else { return }
        code = reason.code
        message = reason.description
        error = Piccolo_V1_TableError(reason)
    }

    func model() throws(NodeError) -> UpdateResult {
        if code == .ok { return .applied }
        return .rejected(try Field.within("error") { () throws(NodeError) in try error.model() })
    }
}

extension TableError {
    fileprivate var code: Piccolo_V1_UpdateResult.Code {
        switch self {
        case .alreadyExists: .alreadyExists
        case .notFound: .notFound
        case .tableFull: .resourceExhausted
        case .missingReference, .inUse: .failedPrecondition
        case .invalidValue: .invalidArgument
        case .unsupported: .unimplemented
        case .backEnd: .internal
        case .notStored: .unavailable
        }
    }
}

extension Piccolo_V1_TableError {
    init(_ error: TableError) {
        self.init()
        switch error {
        case .alreadyExists(let table, let entry):
            (kind, self.table, self.entry) = (.alreadyExists, table.wire, entry)
        case .notFound(let table, let entry):
            (kind, self.table, self.entry) = (.notFound, table.wire, entry)
        case .tableFull(let table, let capacity):
            (kind, self.table, self.capacity) = (.tableFull, table.wire, UInt64(clamping: capacity))
        case .missingReference(let table, let entry, let refersTo):
            (kind, self.table, self.entry, other) = (.missingReference, table.wire, entry, refersTo)
        case .inUse(let table, let entry, let by):
            (kind, self.table, self.entry, other) = (.inUse, table.wire, entry, by)
        case .invalidValue(let table, let field, let value, let expected):
            (kind, self.table, self.field) = (.invalidValue, table.wire, field)
            (self.value, self.expected) = (value, expected)
        case .unsupported(let table, let entry, let why):
            (kind, self.table, self.entry, self.why) = (.unsupported, table.wire, entry, why)
        case .backEnd(let table, let why):
            (kind, self.table, self.why) = (.backEnd, table.wire, why)
        case .notStored(let table, let entry, let why):
            (kind, self.table, self.entry, self.why) = (.notStored, table.wire, entry, why)
        }
    }

    func model() throws(NodeError) -> TableError {
        let table = try TableID(table)
        switch kind {
        case .alreadyExists: return .alreadyExists(table: table, entry: entry)
        case .notFound: return .notFound(table: table, entry: entry)
        case .tableFull: return .tableFull(table: table, capacity: Int(clamping: capacity))
        case .missingReference: return .missingReference(table: table, entry: entry, refersTo: other)
        case .inUse: return .inUse(table: table, entry: entry, by: other)
        case .invalidValue: return .invalidValue(table: table, field: field, value: value, expected: expected)
        case .unsupported: return .unsupported(table: table, entry: entry, why: why)
        case .backEnd: return .backEnd(table: table, why)
        case .notStored: return .notStored(table: table, entry: entry, why: why)
        case .unspecified, .UNRECOGNIZED: throw Field.unknown("kind", kind.rawValue, "1...8")
        }
    }
}

extension NodeError {
    /// Octets of a status's message: it travels in a header, and a peer takes 16 KiB of those.
    private static let room = 12_000

    /// The error as a gRPC status.
    var status: RPCError {
        switch self {
        case .invalid: RPCError(code: .invalidArgument, message: Self.cut(description))
        case .configuration(let complaints): RPCError(code: .failedPrecondition, message: Self.cut(complaints))
        case .stopping: RPCError(code: .unavailable, message: description)
        case .failed, .noDaemon, .notPermitted, .connection:
            RPCError(code: .internalError, message: Self.cut(description))
        }
    }

    /// Octets a scalar takes in the header: what is not printable ASCII is written as %XX.
    private static func length(_ text: some StringProtocol) -> Int {
        text.utf8.reduce(0) { $0 + ((0x20...0x7e).contains($1) && $1 != 0x25 ? 1 : 3) }
    }

    private static func cut(_ text: String) -> String {
        guard length(text) > room else { return text }
        var left = room
        let kept = text.prefix { character in
            left -= length(String(character))
            return left >= 0
        }
        return kept + " …"
    }

    /// Complaints a line, as many as there is room for.
    private static func cut(_ complaints: [String]) -> String {
        var left = room
        let kept = complaints.prefix { complaint in
            left -= length(complaint) + 3
            return left >= 0
        }
        guard kept.count < complaints.count else { return complaints.joined(separator: "\n") }
        return (kept + ["and \(complaints.count - kept.count) more"]).joined(separator: "\n")
    }

    /// What a client makes of a call's failure.
    init(_ error: any Error, socket: String) {
        switch error {
        case let error as NodeError:
            self = error
        case let error as RPCError:
            switch error.code {
            case .failedPrecondition:
                self = .configuration(complaints: error.message.split(separator: "\n").map(String.init))
            case .unavailable where error.message == NodeError.stopping.description: self = .stopping
            case .unavailable, .unknown, .unimplemented:
                self = .connection(socket: socket, why: error.message)
            default: self = .failed(error.message)
            }
        default:
            self = .connection(socket: socket, why: "\(error)")
        }
    }
}
#endif
