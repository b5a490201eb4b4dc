// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineRegisters

/// The card itself, without a daemon between: who it is, whether it works, what its registers say.
struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card", abstract: "A FlowEngine card: who it is, its registers, its tables, whether it works.",
        discussion: """
            These commands talk to the card themselves. A card has one owner at a time: a daemon that drives it has to be stopped \
            first, but for `list`, `tables`, `audit`, `acknowledge` and `simulate`.
            """,
        subcommands: [
            CardListCommand.self, CardInfoCommand.self, CardStatsCommand.self, CardSelftestCommand.self,
            CardRegsCommand.self, CardReadCommand.self, CardWriteCommand.self, CardTablesCommand.self,
            CardAuditCommand.self,
            CardSimulateCommand.self,
        ] + ofDaemon)

    private static var ofDaemon: [any ParsableCommand.Type] {
        #if Northbound
        [CardAcknowledgeCommand.self]
        #else
        []
        #endif
    }
}

extension CardProfile: ExpressibleByArgument {}

/// Which card, and how it is spoken to.
struct CardOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the card is: spi:/dev/spidev0.0, pci:0000:01:00.0, simulated:/run/card.sock. Without it, the only one there is.",
            valueName: "place"))
    var card: String?
    @Option(help: ArgumentHelp("SPI clock, like 20MHz or in hertz; by default 50MHz.", valueName: "clock"))
    var speed: ClockArgument?
    @Option(help: ArgumentHelp("SPI mode, 0 to 3; by default 0.", valueName: "number")) var mode: Int?
    @Option(
        help: ArgumentHelp(
            "The board: \(CardProfile.allCases.map(\.rawValue).joined(separator: ", ")). By default what the bus leads to.",
            valueName: "board"))
    var board: CardProfile?
    @Option(
        help: ArgumentHelp(
            "Key sets of the flow cache, whatever the card's HASH_ID says.", valueName: "revision"))
    var hashRevision: Int?

    func location() throws -> CardLocation {
        if let card {
            do { return try CardLocation(card) } catch { throw ValidationError("\(error)") }
        }
        let candidates = CardCandidate.all()
        guard let only = candidates.first, candidates.count == 1 else {
            let found =
                candidates.isEmpty
                ? "nothing on this machine looks like a card"
                : "there are several: \(candidates.map(\.description).joined(separator: "; "))"
            throw CommandFailure(message: "\(found); say which with --card")
        }
        switch only.place {
        case .pcie(let function, _): return .pci(function: function)
        case .spi(let path): return .spi(path: path)
        }
    }

    var hertz: Int { speed?.hertz ?? SpidevConfiguration.fastest }
    var spiMode: SPIMode { mode.flatMap { SPIMode(rawValue: UInt8(clamping: $0)) } ?? .mode0 }

    func open() throws -> any RegisterBus {
        let location = try location()
        if let mode, !(0...3).contains(mode) { throw ValidationError("--mode must be 0 to 3, not \(mode)") }
        if case .spi = location {
        } else if speed != nil || mode != nil {
            throw ValidationError("\(speed != nil ? "--speed" : "--mode") is for SPI; the card is at \(location)")
        }
        do { return try location.open(hertz: hertz, mode: spiMode) } catch {
            throw CommandFailure(message: "\(error)")
        }
    }

    /// What is said, or what the bus leads to; a simulated card is asked in any case.
    func chosenBoard() throws -> CardProfile {
        let location = try location()
        let found = try location.board()
        if case .simulated = location, let board, board != found {
            throw ValidationError("--board cannot be \(board.rawValue): the card at \(location) is a \(found.rawValue)")
        }
        return board ?? found
    }

    /// Who answers, and the map of its registers.
    func probe() throws -> (bus: any RegisterBus, identity: CardIdentity, map: FlowEngineMap) {
        let bus = try open()
        do {
            let (identity, map) = try CardIdentity.probe(
                bus, profile: try chosenBoard(), hashRevision: hashRevision)
            return (bus, identity, map)
        } catch let error as ValidationError {
            throw error
        } catch {
            throw CommandFailure(message: "\(error)")
        }
    }

    /// The map of a card's registers: all that is asked of it is which revision.
    func map() throws -> (bus: any RegisterBus, map: FlowEngineMap) {
        let bus = try open()
        do {
            let revision = try bus.read(FlowEngineMap.revision7.common.addrMapRev).revision
            guard let map = FlowEngineMap.revision(Int(revision)) else {
                throw CommandFailure(
                    message:
                        "the card has map revision \(revision); known are \(FlowEngineMap.revisions.map { "\($0.revision)" }.joined(separator: ", "))"
                )
            }
            return (bus, map)
        } catch let error as BusError {
            throw CommandFailure(message: "\(error)")
        }
    }
}

/// `20MHz`, `500kHz`, or a bare number of hertz.
struct ClockArgument: ExpressibleByArgument {
    let hertz: Int

    init(hertz: Int) { self.hertz = hertz }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let units = ["MHz": 1_000_000, "kHz": 1000, "Hz": 1, "": 1]
        guard digits.utf8.count <= 9, let number = Int(digits),
            let unit = units[String(argument.dropFirst(digits.count))]
        else { return nil }
        hertz = number * unit
    }
}

/// A number as register maps write it: `0x400010`, or decimal.
struct WordArgument: ExpressibleByArgument {
    let value: UInt32

    init?(argument: String) {
        let isHex = argument.hasPrefix("0x") || argument.hasPrefix("0X")
        let digits = isHex ? argument.dropFirst(2) : Substring(argument)
        // `+4` is no number of a register map.
        guard digits.first?.isHexDigit == true, let value = UInt32(digits, radix: isHex ? 16 : 10) else { return nil }
        self.value = value
    }
}

func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
