// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Glibc

struct CardSimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Be a card, in software, for whoever connects to a socket.",
        discussion: """
            It behaves like the card in registers, tables and frames, and is used like one: `--card simulated:SOCKET`. With --wire its ports \
            are interfaces of this host: what arrives there goes through the card. They need segmentation offload off (ethtool -K \
            INTERFACE gso off tso off at the sending end). What it models, and what not, is in Sources/FlowEngineSimulator/README.md. Runs \
            until SIGINT or SIGTERM.
            """)
    @Option(
        help: ArgumentHelp("Socket to listen on; it is removed at the end.", valueName: "path"), completion: .file())
    var listen: String
    @Option(
        help: ArgumentHelp(
            "The board: \(CardProfile.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "board"))
    var board = CardProfile.realTimeHAT
    @Option(
        name: .customLong("wire"),
        help: ArgumentHelp(
            "A port of the card and the interface that is it, as 0=veth1; host=veth2 is the cable to the host.",
            valueName: "port=interface"))
    var wires: [WireArgument] = []
    @Option(help: ArgumentHelp("Revision of the register map; by default the board's.", valueName: "revision"))
    var mapRevision: Int?
    @Option(help: ArgumentHelp("Key sets of the flow cache; by default the board's.", valueName: "revision"))
    var hashRevision: Int?
    @Option(help: ArgumentHelp("The die's temperature; from 100 on the card raises an alarm.", valueName: "degrees"))
    var celsius: Double?
    @Option(help: "Seed of what is drawn: device id, bits that flip.") var seed: UInt64 = 1

    func validate() throws {
        if listen.isEmpty { throw ValidationError("--listen needs the path of a socket") }
        if board == .realTimeHAT, let mapRevision, let map = FlowEngineMap.revision(mapRevision), map.spiLocal == nil {
            throw ValidationError(
                "--map-revision \(mapRevision) has no registers of SPI, by which a real-time-hat is reached; a trustnode has it"
            )
        }
    }

    func run() throws {
        let configuration = CardConfiguration(
            profile: board == .trustNode ? .trustNode : .realTimeHAT, mapRevision: mapRevision,
            hashRevision: hashRevision, seed: seed)
        // Blocked before there is a second thread, so that this one gets them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let server: SimulatedCardServer
        let ports: SimulatedCardWires
        do {
            let card = try SimulatedCard(configuration)
            if let celsius { card.temperature = celsius }
            ports = try SimulatedCardWires(card, wires)
            server = try SimulatedCardServer(card, path: listen)
            if !wires.isEmpty { try ports.start() }
        } catch {
            throw error is CommandFailure ? error : CommandFailure(message: "\(error)")
        }
        Terminal.error(
            "piccolo: a simulated \(board == .trustNode ? "TrustNode" : "Real-Time HAT"), map revision \(configuration.mapRevision), hash revision "
                + "\(configuration.hashRevision), listens on \(listen)")
        var signal: Int32 = 0
        while sigwait(&signals, &signal) == EINTR {}
        ports.stop()
        server.stop()
    }
}
