// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineRegisters
import Northbound

struct CardRegsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regs", abstract: "The card's registers, by name, with what they hold.",
        discussion: """
            Registers that are cleared by reading, and those that can only be written, are listed without a value: nothing is \
            changed by looking. `--take` reads the former too. With `--map` no card is needed.
            """)
    @OptionGroup var card: CardOptions
    @OptionGroup var output: OutputOptions
    @Option(
        help: ArgumentHelp("List the registers of this revision of the map, without a card.", valueName: "revision"))
    var map: Int?
    @Flag(help: "Read registers that are cleared by reading too; whoever reads them next finds nothing.") var take =
        false
    @Argument(help: "A register or block, or the beginning of its name: net, net.enable, common.features.")
    var name: String?

    func run() throws {
        let registers: [RegisterDescription]
        var bus: (any RegisterBus)?
        if let map {
            guard let found = FlowEngineMap.registers(revision: map) else {
                throw ValidationError(
                    "map revision \(map) is not known; known are \(FlowEngineMap.revisions.map { "\($0.revision)" }.joined(separator: ", "))"
                )
            }
            registers = found
        } else {
            let opened = try card.map()
            (bus, registers) = (opened.bus, opened.map.registers)
        }
        let wanted = name.map { registers.called($0) } ?? registers
        guard !wanted.isEmpty else {
            throw CommandFailure(message: "no register is called \(name ?? ""); `piccolo card regs` lists them")
        }
        // One register is shown with all there is to say about it, and all its places.
        let isSingle = wanted.count == 1
        let rows = wanted.flatMap { register in
            (0..<(isSingle ? register.count : min(register.count, 1))).map { index in
                RegisterReading(register, index: index, from: bus, takes: take)
            }
        }
        Terminal.out(isSingle ? .register(rows) : .registers(rows, width: output.width), json: output.json)
    }
}

/// A register and what was read of it.
struct RegisterReading {
    enum Value {
        case word(UInt32)
        /// Not asked: reading has an effect, is not possible, or there is no card.
        case notRead(String)
        case failed(BusError)
    }

    let register: RegisterDescription
    let index: Int
    let value: Value

    var address: RegisterAddress { register.address + index * register.stride }

    init(_ register: RegisterDescription, index: Int, from bus: (any RegisterBus)?, takes: Bool) {
        (self.register, self.index) = (register, index)
        guard let bus else {
            value = .notRead("no card")
            return
        }
        guard register.mode.canRead else {
            value = .notRead("write-only")
            return
        }
        guard takes || !register.mode.isClearedByReading else {
            value = .notRead("cleared by reading")
            return
        }
        do { value = .word(try bus.readWord(register.address + index * register.stride)) } catch {
            value = .failed(error)
        }
    }
}

extension RegisterDescription {
    var fullName: String { "\(block).\(name)".lowercased() }

    /// By its whole name, or the one within its block.
    func isCalled(_ name: String) -> Bool {
        fullName == name || self.name.lowercased() == name
    }
}

extension [RegisterDescription] {
    /// The one of this name, else those whose names begin with it.
    fileprivate func called(_ name: String) -> [RegisterDescription] {
        let name = name.lowercased()
        let exact = filter { $0.isCalled(name) }
        return exact.isEmpty ? filter { $0.fullName.hasPrefix(name) } : exact
    }
}

struct CardReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "read", abstract: "Read a register by its address.")
    @OptionGroup var card: CardOptions
    @Flag(help: "Print JSON.") var json = false
    @Argument(help: "Byte address, a multiple of 4: 0x400010.") var address: WordArgument

    func run() throws {
        let address = RegisterAddress(rawValue: address.value)
        do {
            let value = try card.open().readWord(address)
            Terminal.out(
                Listing(
                    lines: [hexadecimal(value)],
                    json: .object(["address": .string("\(address)"), "value": .unsigned(UInt64(value))])),
                json: json)
        } catch let error as BusError {
            throw CommandFailure(message: "\(address): \(error)")
        }
    }
}

struct CardWriteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Write a register by its address.",
        discussion: """
            Any register, whatever it does. A running node does not notice what is written to its tables; of a simulated card \
            `piccolo card audit` shows rules that no longer do what they should.
            """)
    @OptionGroup var card: CardOptions
    @Argument(help: "Byte address, a multiple of 4: 0x400010.") var address: WordArgument
    @Argument(help: "32 bits: 0x00000007.") var value: WordArgument

    func run() throws {
        let address = RegisterAddress(rawValue: address.value)
        do { try card.open().writeWord(address, value.value) } catch let error as BusError {
            throw CommandFailure(message: "\(address): \(error)")
        }
    }
}
