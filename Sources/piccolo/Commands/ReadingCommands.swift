// SPDX-License-Identifier: Apache-2.0
#if Northbound
import ArgumentParser
import Northbound
import Packet
import Tables

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "The node at a glance, and what is wrong with it.")
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await NodeClient.connect(to: socket.socket) { try await $0.status() }
        Terminal.out(.status(status, style: output.json ? .plain : Terminal.style), json: output.json)
    }
}

struct PortCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "port", abstract: "The node's ports.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ports with their state, how the fast path is attached, and what they received.")
        @OptionGroup var socket: SocketOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let ports = try await NodeClient.connect(to: socket.socket) { try await $0.ports() }
            Terminal.out(.ports(ports, width: output.width), json: output.json)
        }
    }
}

struct TableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "The node's tables.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tables with their size, fill and cost per entry.")
        @OptionGroup var socket: SocketOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let tables = try await NodeClient.connect(to: socket.socket) { try await $0.tables() }
            Terminal.out(.tables(tables, width: output.width), json: output.json)
        }
    }
}

struct FlowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flow", abstract: "The flow cache.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        enum Order: String, ExpressibleByArgument, CaseIterable { case packets, bytes, idle }
        enum Origin: String, ExpressibleByArgument, CaseIterable { case `static`, derived }

        static let configuration = CommandConfiguration(
            abstract: "Flows with their use.",
            discussion: "Without --sort the order is that of the table.")
        @OptionGroup var socket: SocketOption
        @OptionGroup var output: OutputOptions
        @Option(help: ArgumentHelp("Only flows that arrive at this port.", valueName: "port"))
        var port: String?
        @Option(help: ArgumentHelp("Only flows from this address or prefix.", valueName: "prefix"))
        var source: String?
        @Option(help: ArgumentHelp("Only flows to this address or prefix.", valueName: "prefix"))
        var destination: String?
        @Option(name: .customLong("protocol"), help: ArgumentHelp("Only this protocol.", valueName: "tcp|udp|icmp|..."))
        var ipProtocol: String?
        @Option(help: ArgumentHelp("Only flows from this TCP or UDP port.", valueName: "port"))
        var sourcePort: UInt16?
        @Option(help: ArgumentHelp("Only flows to this TCP or UDP port.", valueName: "port"))
        var destinationPort: UInt16?
        @Option(help: "Only flows given by a user, or only those derived from the other tables.")
        var origin: Origin?
        @Option(help: ArgumentHelp("Largest first (idle: longest first).", valueName: "packets|bytes|idle"))
        var sort: Order?
        @Option(help: ArgumentHelp("At most this many flows; 0: all.", valueName: "number"))
        var limit = 0

        func validate() throws {
            if limit < 0 { throw ValidationError("--limit cannot be \(limit); expected 0 (all) or more") }
        }

        func run() async throws {
            var words: [String] = []
            if let port { words.append("port=\(port)") }
            if let source { words.append("source=\(source)") }
            if let destination { words.append("destination=\(destination)") }
            if let ipProtocol { words.append("protocol=\(ipProtocol)") }
            let (list, names) = try await NodeClient.connect(to: socket.socket) { [words] node in
                let names = try await Directory(of: node)
                var filter = try EntrySyntax.flowFilter(words: words, names: names)
                (filter.sourcePort, filter.destinationPort) = (sourcePort, destinationPort)
                filter.isStatic = origin.map { $0 == .static }
                filter.limit = sort == nil ? limit : 0
                return (try await node.flows(filter), names)
            }
            Terminal.out(.flows(sorted(list), names: names, width: output.width), json: output.json)
        }

        private func sorted(_ flows: [FlowReport]) -> [FlowReport] {
            let ordered: [FlowReport] =
                switch sort {
                case nil: flows
                case .packets: flows.sorted { $0.counter.packets > $1.counter.packets }
                case .bytes: flows.sorted { $0.counter.bytes > $1.counter.bytes }
                case .idle: flows.sorted { $0.idleMilliseconds > $1.idleMilliseconds }
                }
            return limit > 0 ? Array(ordered.prefix(limit)) : ordered
        }
    }
}

struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Every packet received, by port, disposition and reason; totals of flows and events.")
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let (statistics, names) = try await NodeClient.connect(to: socket.socket) { node in
            (try await node.statistics(), try await Directory(of: node))
        }
        Terminal.out(.statistics(statistics, names: names, width: output.width), json: output.json)
    }
}
#endif
