// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Comparison
import Controller
import Northbound
import Packet
import Tables
import XDPDataPlane

struct ReplayCommand: ParsableCommand {
    enum Through: String, CaseIterable { case reference, xdp }

    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Put the packets of captures through data planes and say what each does with them.",
        discussion: """
            Ethernet captures, pcap and pcapng; of a damaged file what is readable is used. With --compare every \
            difference between the data planes is printed, and the exit status is 1 if there is one.

            The tables are those the configuration makes where all its interfaces exist and are up; no interface is \
            touched. A port without a MAC address in the file has 02:00:00:00:01:01 and on, in the file's order. xdp \
            runs the program in the kernel by test runs, and needs root; frames that do not fit one buffer are left out, \
            and counted.
            """)
    @Argument(help: "Capture files.", completion: .file(extensions: ["pcap", "pcapng", "cap"]))
    var captures: [String]
    @OptionGroup var configuration: ConfigurationOption
    @Option(
        help: ArgumentHelp("Data planes, with commas between.", valueName: "reference,xdp"),
        completion: .list(["reference", "xdp", "reference,xdp"]),
        transform: Self.dataPlanes)
    var through: [Through] = [.reference]
    @Option(
        help: ArgumentHelp("The port the packets arrive at; by default the configuration's first.", valueName: "name"))
    var port: String?
    @Flag(
        help: "Admit unicast frames to the router whatever their destination address, as captures made elsewhere need.")
    var anyStation = false
    @Flag(help: "Compare the data planes packet by packet, and their counters at the end.")
    var compare = false
    @Flag(help: "Print packets only if there is a difference.")
    var summary = false
    @Flag(help: "Print JSON, an object a line: one for each packet, one for each capture.")
    var json = false

    func validate() throws {
        if captures.isEmpty { throw ValidationError("name at least one capture file") }
        if compare, through.count < 2 {
            throw ValidationError("--compare needs two data planes: --through reference,xdp")
        }
    }

    static func dataPlanes(_ text: String) throws -> [Through] {
        var list: [Through] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let through = Through(rawValue: String(name)), !list.contains(through) else {
                throw ValidationError("--through cannot be \"\(text)\"; expected reference, xdp or reference,xdp")
            }
            list.append(through)
        }
        return list
    }

    func run() throws {
        let parsed = try Configuration.read(configuration.config)
        let tables = ReplayTables(parsed, anyStation: anyStation)
        let arrival = try arrivalPort(tables)
        let comparison = PacketComparison(try planes(tables))
        var output = ReplayOutput(json: json, summaryOnly: summary, ports: tables.ports)
        let updates = tables.entries.map { TableUpdate.insert($0) }
        if let error = ReferenceDataPlane().write(updates).lazy.compactMap(\.error).first {
            throw CommandFailure(message: "the configuration's tables cannot be: \(error)")
        }
        for difference in comparison.install(World(updates: updates)) {
            throw CommandFailure(message: "the tables differ before any packet: \(difference)")
        }
        let frames = through.contains(.xdp) ? ReplayedCapture.testRunFrames : 0...Int.max
        var unreadable = 0
        for path in captures {
            do {
                output.add(
                    try ReplayedCapture.replay(path: path, port: arrival, through: comparison, frames: frames) {
                        output.add($0, path: path)
                    })
            } catch {
                unreadable += 1
                Terminal.error("piccolo: \(error)")
            }
        }
        if compare { output.add(counters: comparison.finish()) }
        output.totals()
        if unreadable > 0 || output.differences > 0 { throw CommandFailure(message: nil) }
    }

    private func arrivalPort(_ tables: ReplayTables) throws -> PortID {
        guard let port else {
            guard let first = tables.ports.first else {
                throw CommandFailure(message: "\(configuration.config) has no port a packet could arrive at")
            }
            return first.id
        }
        guard let named = tables.ports.first(where: { $0.name == port }) else {
            throw SyntaxError(
                "--port cannot be \"\(port)\"; \(configuration.config) has "
                    + tables.ports.map(\.name).joined(separator: ", "))
        }
        return named.id
    }

    /// The data planes, empty, with the same hash seeds.
    private func planes(_ tables: ReplayTables) throws -> [ComparableDataPlane] {
        let xdp: XDPDataPlane? = through.contains(.xdp) ? try loadXDP(tables) : nil
        return through.map { plane in
            switch plane {
            case .xdp: if let xdp { return xdp }
            case .reference: break
            }
            guard let xdp else { return ReferenceDataPlane() }
            let reference = ReferenceDataPlane(
                capacities: xdp.state.capacities, ecmpSeed: xdp.state.ecmpSeed)
            reference.singleBufferBytes = XDPDataPlane.testRunLinearBytes
            return reference
        }
    }

    private func loadXDP(_ tables: ReplayTables) throws -> XDPDataPlane {
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows, configuration.macs) = (4096, 4096, 4096)
        configuration.trace = true
        configuration.multiBuffer = true
        do {
            return try XDPDataPlane(configuration)
        } catch {
            throw CommandFailure(message: "cannot load the fast path: \(error)")
        }
    }
}
