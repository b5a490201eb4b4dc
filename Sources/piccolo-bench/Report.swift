// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Median and range of a series.
struct Spread: Encodable {
    var median: Double
    var minimum: Double
    var maximum: Double
    var rounds: Int

    init(_ values: [Double]) {
        let sorted = values.sorted()
        rounds = sorted.count
        median = sorted.isEmpty ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        minimum = sorted.first ?? .nan
        maximum = sorted.last ?? .nan
    }

    func text(_ digits: Int) -> String {
        "\(fixed(median, digits)) (\(fixed(minimum, digits))-\(fixed(maximum, digits)))"
    }
}

func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

/// A line of the result.
struct Row: Encodable {
    var section: String
    var subject: String
    var value: Spread
    var unit: String
    /// Of this subject to the reference, in the round.
    var ratio: Spread?
    var reference: String?
}

/// A figure the project set itself, and what came out.
struct Bar: Encodable {
    var what: String
    var limit: Double
    /// The figure must not exceed the limit; else it must reach it.
    var isUpper: Bool
    var value: Double
    var met: Bool { isUpper ? value <= limit : value >= limit }
    var text: String {
        "\(met ? "met    " : "NOT MET") \(what): \(fixed(value, 2)) (\(isUpper ? "at most" : "at least") \(fixed(limit, 2)))"
    }

    enum CodingKeys: String, CodingKey { case what, limit, isUpper, value, met }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(what, forKey: .what)
        try container.encode(limit, forKey: .limit)
        try container.encode(isUpper, forKey: .isUpper)
        try container.encode(value, forKey: .value)
        try container.encode(met, forKey: .met)
    }
}

struct Machine: Encodable {
    var cpu: String
    var cores: Int
    var kernel: String
    var memoryMiB: Int
    var load: Double
    var pinnedTo: Int

    init(pinnedTo: Int) {
        let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }
        cpu =
            model.flatMap { $0.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } } ?? "unknown"
        cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        var name = utsname()
        uname(&name)
        kernel = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        memoryMiB = (sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))) >> 20
        var averages = [0.0]
        load = getloadavg(&averages, 1) == 1 ? averages[0] : .nan
        self.pinnedTo = pinnedTo
    }

    var text: String {
        "\(cpu), \(cores) cores, \(memoryMiB) MiB, Linux \(kernel), load \(fixed(load, 1)), on CPU \(pinnedTo)"
    }
}

/// Collects rows and bars; prints at the end, or a section as it comes.
struct Report: Encodable {
    var command: String
    var machine: Machine
    var rounds: Int
    var rows: [Row] = []
    var bars: [Bar] = []
    /// What was left out, and why.
    var notMeasured: [String] = []

    func print(asJSON: Bool) {
        guard !asJSON else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            if let data = try? encoder.encode(self) { Swift.print(String(decoding: data, as: UTF8.self)) }
            return
        }
        Swift.print("\(command): \(rounds) rounds, medians (range)\n\(machine.text)")
        var section = ""
        for row in rows {
            if row.section != section {
                section = row.section
                Swift.print("\n\(section)")
            }
            let value = "\(row.value.text(row.value.median < 10 ? 2 : 0)) \(row.unit)"
            let ratio = row.reference.flatMap { name in row.ratio.map { "\($0.text(2)) of \(name)" } } ?? ""
            Swift.print("  " + padded(row.subject, 36) + padded(value, 30) + ratio)
        }
        if !bars.isEmpty { Swift.print("\nBars") }
        for bar in bars { Swift.print("  " + bar.text) }
        if !notMeasured.isEmpty { Swift.print("\nNot measured") }
        for line in notMeasured { Swift.print("  " + line) }
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
    }
}
