// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Packet
import Soak
import Tables
import Testing

@Suite("What the restart tests count")
struct HarnessTests {
    private func ledger(sending count: Int) -> PacketLedger {
        var ledger = PacketLedger(flows: 2, destination: 2)
        for number in 0..<count { #expect(ledger.send(1, at: UInt64(100 + number)) == UInt64(number)) }
        return ledger
    }

    @Test("packets that all arrive once leave nothing to say")
    func complete() {
        var ledger = ledger(sending: 3)
        for number in 0..<3 { ledger.arrive(1, UInt64(number), host: 2, isIntact: true, sent: 5, now: 7) }
        #expect(ledger.outstanding == 0)
        let report = ledger.settle()
        #expect(report.sent == 3 && report.arrived == 3 && report.lost.isEmpty && report.longestDelay == 2)
        #expect(report.duplicated == 0 && report.reordered == 0 && report.misdirected == 0 && report.damaged == 0)
    }

    @Test("what did not arrive is lost, in the middle and at the end, with the time it was sent; once")
    func lost() {
        var ledger = ledger(sending: 4)
        for number in [0, 2] { ledger.arrive(1, UInt64(number), host: 2, isIntact: true, sent: 0, now: 0) }
        #expect(ledger.outstanding == 2)
        let lost = ledger.settle().lost
        #expect(lost.map(\.sequence) == [1, 3] && lost.map(\.time) == [101, 103] && lost.map(\.flow) == [1, 1])
        #expect(ledger.settle().lost.isEmpty)
        // Too late is lost and comes again.
        ledger.arrive(1, 1, host: 2, isIntact: true, sent: 0, now: 0)
        #expect(ledger.settle().duplicated == 1)
    }

    @Test("twice, out of order, elsewhere, damaged and never sent are told apart")
    func kinds() {
        var ledger = ledger(sending: 3)
        for number in [1, 0, 0] { ledger.arrive(1, UInt64(number), host: 2, isIntact: true, sent: 0, now: 0) }
        ledger.arrive(1, 2, host: 3, isIntact: true, sent: 0, now: 0)
        ledger.arrive(1, 2, host: 2, isIntact: false, sent: 0, now: 0)
        ledger.arrive(0, 0, host: 2, isIntact: true, sent: 0, now: 0)
        let report = ledger.settle()
        #expect(report.reordered == 1 && report.duplicated == 1 && report.misdirected == 1 && report.damaged == 2)
        #expect(report.arrived == 3 && report.lost.isEmpty)
    }

    @Test("a packet that was announced and not sent does not count")
    func unsent() {
        var ledger = ledger(sending: 1)
        ledger.unsend(1)
        #expect(ledger.settle().sent == 0 && ledger.sent(1) == 0 && ledger.outstanding == 0)
    }

    // MARK: Books

    private func route(_ number: UInt32, _ action: RouteEntry.Action = .drop) -> TableEntry {
        .route(RouteEntry(prefix: IPPrefix(host: .v4(IPv4Address(rawValue: number))), action: action))
    }

    @Test("what was acknowledged must be there, and what nobody asked for must not")
    func acknowledged() {
        var books = Books([route(1), route(2)])
        let number = books.begin(.init("change", comes: [route(3)], goes: [route(1)]))
        books.end(number)
        #expect(books.judge([route(2), route(3)]).complaints.isEmpty)
        #expect(books.judge([route(2)]).complaints.count == 1)
        #expect(books.judge([route(2), route(4)]).complaints.count == 1)
    }

    @Test("what was not answered may be there or not, but not by halves", arguments: 0...3)
    func inFlight(done: Int) {
        var books = Books([route(1), route(2)])
        _ = books.begin(.init("change", comes: [route(1, .kernel), route(3)], goes: [route(1)]))
        // The steps of the change, one after another: the modification is two of them.
        var found: Set<TableEntry> = [route(1), route(2)]
        if done >= 1 { found.remove(route(1)) }
        if done >= 2 { found.insert(route(1, .kernel)) }
        if done >= 3 { found.insert(route(3)) }
        let judgement = books.judge(found)
        #expect(judgement.complaints.isEmpty == (done == 0 || done == 3))
        #expect(judgement.fates == [done == 0 ? .absent : done == 3 ? .present : .half(done: done, of: 3)])
        // However it was, the next run goes on from there.
        #expect(books.judge(found).complaints.isEmpty)
    }

    @Test("a refusal nobody expects is a complaint")
    func refused() {
        var books = Books([])
        books.end(books.begin(.init("change", comes: [route(1)], goes: [])), refused: ["no"])
        #expect(books.judge([route(1)]).complaints.count == 1)
    }

    // MARK: Seeds

    @Test("the same seed makes the same scenario, and seeds in a row have all activities")
    func scenarios() {
        #expect(SoakScenario(seed: 7) == SoakScenario(seed: 7))
        let some = (1...20).map { SoakScenario(seed: UInt64($0)) }
        #expect(Set(some.map(\.activity)) == Set(SoakScenario.Activity.allCases))
        #expect(Set(some.map(\.delay)).count > 15)
    }
}
#endif
