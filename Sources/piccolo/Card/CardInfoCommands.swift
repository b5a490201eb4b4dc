// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineRegisters
import Northbound

struct CardListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What on this machine may be a card. Nothing is touched.")
    @Flag(help: "Print JSON.") var json = false

    func run() {
        let candidates = CardCandidate.all()
        Terminal.out(
            Listing(
                lines: candidates.isEmpty
                    ? ["nothing on this machine looks like a card"] : candidates.map(\.description),
                json: .array(
                    candidates.map { candidate in
                        let place =
                            switch candidate.place {
                            case .pcie(let function, _): CardLocation.pci(function: function)
                            case .spi(let path): CardLocation.spi(path: path)
                            }
                        return .object([
                            "card": .string("\(place)"), "driver": candidate.driver.map { .string($0) } ?? .null,
                        ])
                    })), json: json)
    }
}

struct CardInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Who the card is, and what it can hold.")
    @OptionGroup var card: CardOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let (bus, identity, map) = try card.probe()
        let temperature = try? bus.read(map.common.fpgaTemp).celsius
        Terminal.out(
            .card(identity, bus: bus.name, celsius: temperature, quirks: CardQuirks(profile: identity.profile)),
            json: json)
    }
}

struct CardStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "What the card's ports counted since this was asked last: the card forgets it.",
        discussion: "Good packets by port, and what was dropped or handed to the processor, with the card's reasons.")
    @OptionGroup var card: CardOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let bus = try card.open()
        do {
            let driver = try CardDriver(
                bus: bus, profile: try card.chosenBoard(), hashRevision: card.hashRevision)
            try driver.pollStatistics()
            Terminal.out(.counts(driver.statistics.counts), json: json)
        } catch let error as ValidationError {
            throw error
        } catch {
            throw CommandFailure(message: "\(error)")
        }
    }
}

struct CardSelftestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest", abstract: "Whether the card answers, and how fast it can be spoken to.",
        discussion: """
            Probes, writes patterns to the scratch register and reads them back, provokes an access error and looks whether it is \
            told, reads the temperature; over SPI it finds the highest clock that works. Tables and ports stay as they are.
            """)
    @OptionGroup var card: CardOptions
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "Patterns written and read back.") var rounds = 64

    func run() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1, not \(rounds)") }
        let speed = try fastest()
        var card = card
        if let speed {
            guard let best = speed.best else {
                Terminal.error(speed.description)
                throw CommandFailure(message: "no clock works")
            }
            card.speed = ClockArgument(hertz: best)
        }
        let (bus, identity, map) = try card.probe()
        let report = CardSelftest.run(bus, map, rounds: rounds)
        Terminal.out(.selftest(report, identity, bus: bus.name, speed: speed), json: json)
        guard report.allSatisfy({ $0.failure == nil }), speed?.best != nil || speed == nil else {
            throw CommandFailure(message: nil)
        }
    }

    /// Only where there is a clock to choose.
    private func fastest() throws -> SPISpeedReport? {
        guard case .spi(let path) = try card.location() else { return nil }
        do {
            let configuration = SpidevConfiguration(path: path, hertz: card.hertz, mode: card.spiMode)
            return try SPISpeedTest(maximum: card.hertz, rounds: rounds).run(on: try SpidevDevice(configuration))
        } catch {
            throw CommandFailure(message: "\(BusError(error.cause, bus: "spi \(path)"))")
        }
    }
}

/// What a card that works does.
struct CardSelftest {
    var what: String
    /// nil: as it should be.
    var failure: String?

    static func run(_ bus: any RegisterBus, _ map: FlowEngineMap, rounds: Int) -> [CardSelftest] {
        var tests: [CardSelftest] = []
        func test(_ what: String, _ body: () throws -> String?) {
            do { tests.append(CardSelftest(what: what, failure: try body())) } catch {
                tests.append(CardSelftest(what: what, failure: "\(error)"))
            }
        }
        test("the scratch register keeps \(rounds) patterns") {
            let scratch = map.common.rwTest
            let before = try bus.read(scratch)
            // The driver's marker is kept there.
            defer { try? bus.write(scratch, before) }
            for round in 0..<rounds {
                let pattern: UInt32 =
                    round % 3 == 0 ? 1 << UInt32(round % 32) : 0x9e37_79b9 &* UInt32(truncatingIfNeeded: round + 1)
                try bus.writeWord(scratch.address, pattern)
                let found = try bus.readWord(scratch.address)
                if found != pattern { return "wrote \(hexadecimal(pattern)), read \(hexadecimal(found))" }
            }
            return nil
        }
        test("reading a table, which can only be written, is refused") {
            do {
                let value = try bus.readWord(map.emhRule.address(0, word: 0))
                return "it gave \(hexadecimal(value)) instead"
            } catch let error as BusError {
                switch error.cause {
                case .refused, .timedOut: return nil
                default: throw error
                }
            }
        }
        test("the temperature is that of a working device") {
            let celsius = try bus.read(map.common.fpgaTemp).celsius
            return (-40...100).contains(celsius) ? nil : "\(Quantity.fixed(celsius, digits: 1)) °C"
        }
        return tests
    }
}
