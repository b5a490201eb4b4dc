// SPDX-License-Identifier: Apache-2.0
#if Northbound
import ArgumentParser
import Northbound
import Packet
import Tables

struct EntryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entry", abstract: "The entries of a table: look at them, change them.",
        discussion: "A table's fields: piccolo entry fields TABLE",
        subcommands: [List.self, Fields.self, Add.self, Modify.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The entries of a table, a column for each field, with their use.")
        @OptionGroup var socket: SocketOption
        @OptionGroup var output: OutputOptions
        @Argument(help: "The table.") var table: TableArgument

        func run() async throws {
            let (entries, names) = try await NodeClient.connect(to: socket.socket) { node in
                (try await node.entries(of: table.table), try await Directory(of: node))
            }
            Terminal.out(.entries(entries, names: names, width: output.width), json: output.json)
        }
    }

    struct Fields: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The fields of a table's entries; needs no daemon.")
        @OptionGroup var output: OutputOptions
        @Argument(help: "The table.") var table: TableArgument

        func run() throws { Terminal.out(.fields(of: table.table), json: output.json) }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add entries.",
            discussion: """
                piccolo entry add ipv4_table prefix=10.9.0.0/16 via=10.0.2.1 port=p2
                piccolo entry add flow_cache_table port=p1 source=10.0.1.2 destination=10.0.2.2 protocol=tcp \
                source_port=4000 destination_port=80 action=drop
                """)
        @OptionGroup var change: ChangeOptions
        func run() async throws { try await change.apply(.insert) }
    }

    struct Modify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change entries that are there; fields that are not given stay as they are.")
        @OptionGroup var change: ChangeOptions
        func run() async throws { try await change.apply(.modify) }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete entries; only the fields of the key are looked at.")
        @OptionGroup var change: ChangeOptions
        func run() async throws { try await change.apply(.delete) }
    }
}

struct ChangeOptions: ParsableArguments {
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Only say what would be written.") var dryRun = false
    @Option(
        name: .customLong("from"),
        help: ArgumentHelp("Read entries from a file, one a line; -: standard input.", valueName: "file"),
        completion: .file())
    var file: String?
    @Argument(help: "The table.") var table: TableArgument
    @Argument(
        help: ArgumentHelp("Fields of the entry, as name=value.", valueName: "field"),
        completion: .custom { words, _, _ in
            let table = words.lazy.compactMap { TableArgument(argument: $0)?.table }.first
            return table.map { EntrySyntax.fields(of: $0).filter { $0.role != .output }.map { $0.name + "=" } } ?? []
        })
    var fields: [String] = []

    func validate() throws {
        guard fields.isEmpty != (file == nil) else {
            throw ValidationError(
                file == nil
                    ? "the entry's fields are missing; see `piccolo entry fields \(table.table.rawValue)`"
                    : "give fields or --from, not both")
        }
    }

    func apply(_ operation: TableUpdate.Operation) async throws {
        let lines = try file.map(LineFile.lines) ?? [LineFile.Line(number: nil, words: fields)]
        let (updates, names, results) = try await NodeClient.connect(to: socket.socket) { node in
            let names = try await Directory(of: node)
            let candidates = operation == .modify ? try await self.candidates(lines, of: node, names) : []
            var updates: [TableUpdate] = []
            for line in lines {
                do {
                    updates += try EntrySyntax.updates(
                        operation, table: table.table, words: line.words, names: names, candidates: candidates)
                } catch {
                    throw SyntaxError(line.number.map { "\(file ?? ""):\($0): \(error)" } ?? "\(error)")
                }
            }
            return (updates, names, dryRun ? [] : try await node.write(updates))
        }
        let listing = dryRun ? Listing.plan(updates, names: names) : .results(updates, results, names: names)
        Terminal.out(listing, json: json)
        let errors = results.compactMap(\.error)
        if !errors.isEmpty {
            if !json { for error in errors { Terminal.error("piccolo: \(error)") } }
            throw CommandFailure(message: nil)
        }
    }

    private func candidates(
        _ lines: [LineFile.Line], of node: NodeClient, _ names: Directory
    ) async throws -> [TableEntry] {
        // A million flows are not fetched to change one.
        if table.table == .flowCache, lines.count == 1 {
            let filter = try EntrySyntax.flowFilter(words: lines[0].words, names: names)
            return try await node.flows(filter).map { .flow($0.entry) }
        }
        return try await node.entries(of: table.table).map(\.entry)
    }
}
#endif
