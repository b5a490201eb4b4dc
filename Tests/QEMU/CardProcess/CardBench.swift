// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator

/// Carries out what the guest orders at the workbench.
final class CardBench {
    private let card: SimulatedCard
    private var argument: UInt32 = 0
    private var answer: UInt32 = 0
    private var words: [UInt32] = []
    private(set) var isUnplugged = false
    /// Accesses to BAR1; and those that were no aligned word of any BAR.
    var reads = 0
    var writes = 0
    var strays = 0

    init(_ card: SimulatedCard) { self.card = card }

    func load(_ register: RegisterAddress) -> UInt32 {
        switch register {
        case Workbench.answer: answer
        case Workbench.writes: UInt32(truncatingIfNeeded: writes)
        default: 0
        }
    }

    func store(_ register: RegisterAddress, _ value: UInt32) {
        switch register {
        case Workbench.argument: argument = value
        case Workbench.word: words.append(value)
        case Workbench.order:
            guard let order = Workbench.Order(rawValue: value) else {
                say("FAIL order \(value) is none")
                return
            }
            answer = carryOut(order)
        default: break
        }
    }

    private func carryOut(_ order: Workbench.Order) -> UInt32 {
        switch order {
        case .frame: return sendFrame()
        case .hang:
            let register = RegisterAddress(rawValue: argument)
            card.faults = CardFaults([.init(.hangs, .addresses(register...register))])
        case .lose: card.faults = CardFaults([.init(.dropped, .access(card.accessCount + Int(argument)))])
        case .unplug:
            card.faults = CardFaults([.init(.absent(accesses: .max), .access(card.accessCount + Int(argument)))])
            isUnplugged = true
        case .repair:
            card.faults = CardFaults()
            isUnplugged = false
        case .powerCycle: card.reset()
        case .alarm: card.raise(CardFaults.Alarms(rawValue: argument))
        case .compare: return compare()
        }
        return 0
    }

    private func sendFrame() -> UInt32 {
        defer { words = [] }
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
        let frame = Array(bytes.prefix(Int(argument >> 8)))
        var left: UInt32 = 0
        for emission in card.receive(frame, port: Int(argument & 15)) {
            if emission.frame != frame { return ~0 }
            switch emission {
            case .port(let number, _): left |= 1 << UInt32(number)
            case .cpu(let interface, _): left |= 1 << UInt32(16 + interface)
            }
        }
        return left
    }

    // MARK: What stands in the card

    /// Takes the card's own tables apart and compares them with what the guest says it wrote.
    private func compare() -> UInt32 {
        defer { words = [] }
        let contents = card.contents
        var exact: [Int: [UInt32]] = [:]
        var collisions: [Int: [UInt32]] = [:]
        var masked: [Int: [UInt32]] = [:]
        var slots: [Int: Int] = [:]
        var differences: [String] = []
        var rest = words[...]
        while rest.count >= Workbench.Claim.head {
            let head = Array(rest.prefix(Workbench.Claim.head))
            let rule = Array(rest.dropFirst(Workbench.Claim.head).prefix(Int(head[5])))
            rest = rest.dropFirst(Workbench.Claim.head + Int(head[5]))
            let index = Int(head[1])
            switch head[0] {
            case Workbench.Claim.exact:
                exact[index] = rule
                slots[Int(head[2])] = index
            case Workbench.Claim.collision: collisions[index] = rule
            default: masked[index] = rule
            }
            if contents.actions[Int(head[3])]?.word != head[4] { differences.append("action \(head[3])") }
        }
        func compare(_ name: String, _ rules: [CardContents.Rule], _ claimed: [Int: [UInt32]]) {
            let found = Dictionary(uniqueKeysWithValues: rules.filter(\.isValid).map { ($0.index, $0.words) })
            for index in Set(found.keys).union(claimed.keys).sorted() where found[index] != claimed[index] {
                differences.append("\(name) \(index)")
            }
        }
        compare("emh rule", contents.rules, exact)
        compare("collision entry", contents.collisions, collisions)
        compare("ema rule", contents.maskedRules, masked)
        if contents.slots != slots { differences.append("hash slots") }
        let used = contents.tcam.filter(\.isUsed).map(\.index)
        if Set(used) != Set(masked.keys) { differences.append("tcam") }
        if strays > 0 { differences.append("\(strays) accesses that were no aligned words of 32 bits") }
        let kinds = "\(exact.count) emh rules, \(collisions.count) collision entries, \(masked.count) ema rules"
        say(
            differences.isEmpty
                ? "PASS the card's process: \(kinds) stand in the card word for word, and no others; "
                    + "it saw \(reads) reads and \(writes) writes, each an aligned word of 32 bits"
                : "FAIL the card's process: not as the guest says: \(differences.joined(separator: ", "))")
        return UInt32(differences.count)
    }
}
