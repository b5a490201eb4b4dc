// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Northbound
import Packet
import Tables

struct SocketOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Socket of the daemon.", valueName: "path"), completion: .file())
    var socket = NodeAddress.defaultSocket
}

struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @Flag(name: .long, help: "Let tables be wider than 100 columns instead of shortening what they say.")
    var wide = false

    var width: Int? { wide ? nil : TextTable.width }
}

struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String
}

/// A table's name, with or without `_table`.
struct TableArgument: ExpressibleByArgument {
    let table: TableID

    init?(argument: String) {
        guard let table = try? EntrySyntax.table(named: argument) else { return nil }
        self.table = table
    }

    static var allValueStrings: [String] { TableID.allCases.map(\.rawValue) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
