// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Northbound

// What the commands of `piccolo card` print.
extension Listing {
    private static func label(_ text: String) -> String {
        text + String(repeating: " ", count: max(1, 15 - text.count))
    }

    static func card(_ card: CardIdentity, bus: String, celsius: Double?, quirks: CardQuirks) -> Listing {
        let keys = CardKeys(card, quirks)
        let built = card.builtAt
        let features = card.flowCache
        let parts = [
            (features.exact, "rules by hash"), (features.linear, "collision table"), (features.masked, "masked rules"),
        ].filter(\.0).map(\.1)
        var lines = [
            "\(card.profile.rawValue) at \(bus)",
            "\(label("map revision"))\(card.mapRevision)",
            "\(label("build"))\(card.majorRevision).\(card.minorRevision).\(card.userRevision), made \(built.text)",
            "\(label("device"))\(hexadecimal64(card.deviceID))",
            "\(label("ports"))\(card.portCount), \(card.datapathCount) datapaths",
            "\(label("frames"))\(card.smallestFrame) to \(card.largestFrame) bytes",
            "\(label("flow cache"))"
                + (!features.isPresent ? "none" : parts.isEmpty ? "all of it off" : parts.joined(separator: ", ")),
        ]
        if let hash = card.hashID {
            let used = card.hashRevision.map { $0 == Int(hash) ? "" : ", taken for revision \($0)" } ?? ""
            lines.append("\(label("hash"))HASH_ID \(hash)\(used)")
        }
        lines += keys.descriptions.map { label("key") + $0 }
        if let licence = card.licence { lines.append("\(label("licence"))\(hexadecimal(licence))") }
        if let celsius { lines.append("\(label("temperature"))\(Quantity.fixed(celsius, digits: 1)) °C") }
        return Listing(
            lines: lines,
            json: .object([
                "board": .string(card.profile.rawValue),
                "bus": .string(bus),
                "map_revision": .count(card.mapRevision),
                "hash_id": card.hashID.map { .unsigned(UInt64($0)) } ?? .null,
                "hash_revision": card.hashRevision.map { .count($0) } ?? .null,
                "device": .string(hexadecimal64(card.deviceID)),
                "built": .string(built.text),
                "ports": .count(card.portCount),
                "datapaths": .count(card.datapathCount),
                "smallest_frame": .unsigned(UInt64(card.smallestFrame)),
                "largest_frame": .unsigned(UInt64(card.largestFrame)),
                "flow_cache": .object([
                    "present": .bool(features.isPresent), "emh": .bool(features.exact),
                    "linear": .bool(features.linear), "ema": .bool(features.masked),
                ]),
                "keys": .array(
                    keys.keySets.map { key in
                        .object([
                            "name": .string(key.name), "masked": .bool(key.isMasked),
                            "fields": .string("\(key.fields)"),
                        ])
                    }),
                "licence": card.licence.map { .unsigned(UInt64($0)) } ?? .null,
                "celsius": celsius.map { .number($0) } ?? .null,
            ]))
    }

    static func counts(_ counts: [CardStatistics.Count]) -> Listing {
        Listing(
            lines: counts.isEmpty
                ? ["nothing was counted"]
                : byPlace(counts.map { ("port \($0.port)", $0.what, $0.packets) }).flatMap { line in
                    Paragraph.lines(line, first: "", rest: "    ")
                },
            json: .array(
                counts.map {
                    .object(["port": .count($0.port), "what": .string($0.what), "packets": .unsigned($0.packets)])
                }))
    }

    static func selftest(
        _ tests: [CardSelftest], _ card: CardIdentity, bus: String, speed: SPISpeedReport?
    ) -> Listing {
        var lines = ["\(card.profile.rawValue) at \(bus), map revision \(card.mapRevision)"]
        for test in tests {
            lines.append((test.failure == nil ? "ok      " : "FAILED  ") + test.what)
            if let failure = test.failure { lines += Paragraph.lines(failure, first: "        ", rest: "        ") }
        }
        if let speed {
            lines += speed.description.split(separator: "\n").map { "        \($0)" }
            lines.append(
                speed.best.map { "ok      the fastest clock that works is \($0) Hz" } ?? "FAILED  no clock works")
        }
        return Listing(
            lines: lines,
            json: .object([
                "bus": .string(bus),
                "tests": .array(
                    tests.map { test in
                        .object([
                            "what": .string(test.what), "ok": .bool(test.failure == nil),
                            "failure": test.failure.map { .string($0) } ?? .null,
                        ])
                    }),
                "fastest_hertz": speed?.best.map { .count($0) } ?? .null,
            ]))
    }

    static func registers(_ readings: [RegisterReading], width: Int?) -> Listing {
        var table = TextTable([
            .left("REGISTER"), .left("ADDRESS"), .left("ACCESS"), .left("VALUE"), .left("WHAT"),
        ])
        for reading in readings {
            let register = reading.register
            let count = register.count > 1 ? " ×\(register.count)" : ""
            table.add([
                register.fullName + count, "\(reading.address)", register.mode.rawValue, reading.text, register.summary,
            ])
        }
        return Listing(lines: table.lines(width: width), json: .array(readings.map(json)))
    }

    /// One register, with its fields.
    static func register(_ readings: [RegisterReading]) -> Listing {
        guard let register = readings.first?.register else { return Listing(lines: [], json: .array([])) }
        var lines = [register.fullName]
        lines += Paragraph.lines(register.summary, first: label("what"), rest: label(""))
        let certainty = register.accessIsPublic ? "" : " (as the public drivers use it)"
        lines.append("\(label("access"))\(register.mode.rawValue)\(certainty)")
        lines.append("\(label("after reset"))\(register.reset.map(hexadecimal) ?? "not public")")
        lines.append("\(label("source"))\(register.source)")
        for reading in readings {
            lines.append("\(label("\(reading.address)"))\(reading.text)")
            guard case .word(let word) = reading.value else { continue }
            for field in register.fields {
                let value = word >> UInt32(field.lowestBit) & UInt32(truncatingIfNeeded: (UInt64(1) << field.width) - 1)
                lines.append("\(label("  \(field.bits)"))\(field.name) = \(value)")
            }
        }
        if readings.allSatisfy({ if case .word = $0.value { false } else { true } }) {
            for field in register.fields {
                lines += Paragraph.lines(
                    "\(field.name): \(field.summary)", first: label("  \(field.bits)"), rest: label(""))
            }
        }
        return Listing(lines: lines, json: .array(readings.map(json)))
    }

    private static func json(_ reading: RegisterReading) -> JSONValue {
        let register = reading.register
        var value = JSONValue.null
        var why = JSONValue.null
        switch reading.value {
        case .word(let word): value = .unsigned(UInt64(word))
        case .notRead(let reason): why = .string(reason)
        case .failed(let error): why = .string("\(error)")
        }
        return .object([
            "register": .string(register.fullName),
            "index": .count(reading.index),
            "count": .count(register.count),
            "address": .string("\(reading.address)"),
            "access": .string(register.mode.rawValue),
            "reset": register.reset.map { .unsigned(UInt64($0)) } ?? .null,
            "value": value,
            "not_read": why,
            "summary": .string(register.summary),
            "fields": .array(
                register.fields.map { field in
                    .object([
                        "name": .string(field.name), "lowest_bit": .count(field.lowestBit),
                        "width": .count(field.width),
                    ])
                }),
        ])
    }
}

extension RegisterReading {
    var text: String {
        switch value {
        case .word(let word): hexadecimal(word)
        case .notRead(let why): why
        case .failed(let error):
            switch error.cause {
            case .timedOut: "timed out"
            case .noCard: "no card"
            case .refused(_, let meaning): "refused: \(meaning.joined(separator: ", "))"
            default: "\(error)"
            }
        }
    }
}

extension RegisterDescription.Field {
    /// `[7:0]`, `b4`
    var bits: String { width == 1 ? "b\(lowestBit)" : "[\(lowestBit + width - 1):\(lowestBit)]" }
}

extension CommonBitgenTime {
    /// `2020-03-02 11:22:33`
    var text: String {
        func two(_ value: some BinaryInteger) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(2000 + Int(year))-\(two(month))-\(two(day)) \(two(hour)):\(two(minute)):\(two(second))"
    }
}

func hexadecimal64(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
}
