/** Deliveries that try each rule of the layers on the whole path; what must come out is computed by test/oracle. */
import { csvFile, type SampleFiles } from "./deliveries.ts";

const noBreakSpace = "\u00a0";
const combiningAcute = "e\u0301";

/** A required column must be there, though it may say nothing. */
const unknownToAudience = { total_audience_ratings: null, domestic_box_office_gross: null };

export const difficult: { name: string; files: SampleFiles }[] = [
  {
    name: "dirty titles and years",
    files: {
      critic_agg: csvFile("critic_agg", [
        `${noBreakSpace} Spaced${noBreakSpace}${noBreakSpace}Out\t,2001,50,5,10`,
        `Caf${combiningAcute} Society,2016,70,6.5,200`,
        '"Matrix, The",1999,83,7.7,300',
        "Tom & Jerry,1992,25,3.1,20",
        "...,2001,50,5,10",
        ",2001,50,5,10",
        " \u3000 ,2001,50,5,10",
        "Float Year,2010.0,50,5,10",
        "Old,1887,50,5,10",
        "First,1888,50,5,10",
        "Far Future,2999,50,5,10",
        "Arabic Digits,\u0662\u0660\u0661\u0660,50,5,10",
        "Padded Year, 2003 ,50,5,10",
        "No Year,,50,5,10",
        "300,2007,60,6,200",
        "\u5343\u3068\u5343\u5c0b\u306e\u795e\u96a0\u3057,2001,97,8.6,220",
      ]),
      audience_pulse: JSON.stringify([
        {
          title: "Cafe Society",
          year: "2016",
          audience_average_score: 6.6,
          total_audience_ratings: 80000,
          domestic_box_office_gross: 11103205,
        },
        {
          title: "The Matrix",
          year: "1999",
          audience_average_score: 8.7,
          total_audience_ratings: 1900000,
          domestic_box_office_gross: 171479930,
        },
        {
          title: "Tom and Jerry",
          year: 1992,
          audience_average_score: "5.3",
          total_audience_ratings: "12,000",
          domestic_box_office_gross: "$3,560,469",
        },
        { title: null, year: "2001" },
        { title: "No Year At All" },
        { title: { nested: true }, year: "2001" },
        { title: 300, year: "2007", audience_average_score: 7.6 },
      ]),
    },
  },
  {
    name: "dirty numbers",
    files: {
      box_office_domestic: csvFile("box_office_domestic", [
        'Grouped,2001,"$1,234,567"',
        'Badly Grouped,2001,"1,23,456"',
        "Decimal Whole,2001,450.0",
        "Exponent,2001,1.5e6",
        "Cents,2001,12.50",
        "Negative,2001,-5",
        "Not Available,2001,N/A",
        "Unknown,2001,unknown",
        "Blank,2001,",
        "Zero,2001,0",
        "Largest,2001,9223372036854775807",
        "Too Large,2001,9223372036854775808",
        "Very Long,2001,12345678901234567890123456789012345678901234567890",
        "Infinity,2001,1e999",
        "Not A Number,2001,NaN",
        "The Matrix,1999,x",
        "Two Dollars,2001,$$5",
        "Spaced, 2001 , 77 ",
      ]),
      box_office_international: csvFile("box_office_international", [
        "Zero,2001,0",
        "Largest,2001,1",
        "Grouped,2001,1",
      ]),
      box_office_financials: csvFile("box_office_financials", [
        "Zero,2001,0,0",
        "Grouped,2001,1000000,234568",
        "Blank,2001,,5",
        "Exponent,2001,1E6,2.5e5",
      ]),
      critic_agg: csvFile("critic_agg", [
        "Percent High,2001,101,10.1,10",
        "Percent Dollar,2001,$50,5,$10",
        "Limits,2001,100,10,0",
        "Lower Limits,2001,0,0.0,1e2",
        "Fraction Count,2001,50.5,5.55,12.5",
        "Minus,2001,-1,-0.1,-1",
      ]),
    },
  },
  {
    name: "years one apart",
    files: {
      critic_agg: csvFile("critic_agg", [
        "Bridged,2001,50,5,10",
        "Chain,1999,50,5,10",
        "Chain,2001,50,5,10",
        "Joined Pair,2005,60,6,10",
        "Same Provider,2001,40,4,10",
        "Same Provider,2002,41,4,10",
      ]),
      audience_pulse: JSON.stringify([
        { title: "Bridged", year: "2002", audience_average_score: 5, ...unknownToAudience },
        { title: "Chain", year: "2000", audience_average_score: 5 },
        { title: "Joined Pair", year: "2005", audience_average_score: 6 },
      ]),
      box_office_domestic: csvFile("box_office_domestic", ["Joined Pair,2006,1000", "Bridged Late,2010,5"]),
      box_office_financials: csvFile("box_office_financials", ["Bridged Late,2011,5,5"]),
    },
  },
  {
    name: "superseded rows, nulls included, and two rows of one film in one file",
    files: {
      critic_agg: csvFile("critic_agg", [
        "Bridged,2001,,,",
        "Twice,2001,1,1,1",
        "Twice,2001,2,2,2",
        "twice ,2001,3,,3",
      ]),
      box_office_domestic: csvFile("box_office_domestic", ["The Matrix,1999,171479931"]),
    },
  },
];
