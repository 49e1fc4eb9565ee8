"""Sentences as models write them: what the number check lets pass, and what it does not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.research.number_check import CITED_TOGETHER_MAX, Fault, check, remove_unproven
from tests.research.vendors import full_snapshot

SNAPSHOT = full_snapshot()
FACTS = SNAPSHOT.by_id

TRUE = """
Revenue grew 5.5% year over year to $412.5 billion [f:edgar.revenue_year_change, f:edgar.revenue_year].
It had roughly $412.5B of revenue in FY2025 [f:edgar.revenue_year], versus $390.9B in FY2024 [f:edgar.revenue_year_before].
Diluted EPS rose from $6.08 to $6.91 [f:edgar.eps_year_before, f:edgar.eps_year].
The quarter ended 2025-12-27 shows a net loss of $1.25 billion [f:edgar.net_income_quarter], its first in years.
The most recent quarter shows net income of -$1.25 billion [f:edgar.net_income_quarter].
EPS came in at -$0.08 [f:edgar.eps_quarter] against $2.40 [f:edgar.eps_quarter_before].
EPS was ($0.08) [f:edgar.eps_quarter].
Operating cash flow slipped 2.6% to $115.2 billion [f:edgar.cash_flow_year_change][f:edgar.cash_flow_year].
With $30.25 billion in cash [f:edgar.cash] and $301.45 billion of liabilities [f:edgar.liabilities], it is leveraged.
Shares outstanding of about 14.75 billion [f:edgar.shares] imply little dilution. It has ~14.75 billion shares [f:edgar.shares].
The 10-year Treasury yield is 4.11% [f:fred.DGS10], down 0.15 percentage points from a year ago [f:fred.DGS10.change_year].
The 10-year yield is down 15 basis points from 4.26% a year ago [f:fred.DGS10.change_year, f:fred.DGS10.year_ago].
As of 2026-06-30, the stock closed at $200.00 [f:price.close].
**Momentum:** RSI(14) at 35.1 [f:price.rsi_14] is weak.
- **RSI (14):** 35 [f:price.rsi_14]
- The 20-day SMA (206.48) [f:price.sma_20] sits above the price.
The stock trades 3.1% below its 20-day moving average [f:price.to_sma_20].
The close is below the 20-day simple moving average of $206.48 by 3.14% [f:price.sma_20, f:price.to_sma_20].
One-month performance is weak. Two of the three headlines are about products [f:news.1] [f:news.3].
Headline risk: one supplier reports that shipments are "up 12 percent" [f:news.3].
Revenue increased by 5.5% to reach $412.5bn. [f:edgar.revenue_year_change; f:edgar.revenue_year]
1. **Valuation risk.** Nothing in the facts supports a multiple.
2. **Macro risk.** A federal funds rate of 4.11% [f:fred.FEDFUNDS] keeps discount rates high.
Since the 2024 fiscal year, operating income improved to $128.9 billion [f:edgar.operating_income_year].
Cash fell to $30.25 billion [f:edgar.cash] though operating cash flow rose 3.6% in the quarter [f:edgar.cash_flow_quarter_change].
Despite lower cash flow, net income grew by 11.59 percent [f:edgar.net_income_year_change].
The unemployment rate fell to 4.11% [f:fred.UNRATE] from 4.26% [f:fred.UNRATE.year_ago].
Revenue rose 5.55 % in the quarter ended December 27, 2025 [f:edgar.revenue_quarter_change].
Total assets stood at USD 371,200,000,000 [f:edgar.assets].
Both the Fed funds rate and the 10-year yield are at 4.11% [f:fred.FEDFUNDS, f:fred.DGS10].
Form 8-K and 10-Q filings were not available for Q1 or H1 2026. It starts at 10:30 on 3 May 2026.
In H1 2026 the trend weakened; a 200-day average is not available, nor one for 2022–2023 or the 1990s.
| Revenue | $412.5 billion [f:edgar.revenue_year] |
Sales were up by more than 5% [f:edgar.revenue_year_change], and by less than 6% [f:edgar.revenue_year_change].
Net income, at minus $1.25 billion [f:edgar.net_income_quarter], turned negative.
The ten-year yield is 0.15 points lower than a year ago [f:fred.DGS10.change_year].
The stock is 28.4% off its peak [f:price.drawdown_max].
It holds more than $30 billion in cash [f:edgar.cash] against nearly $302 billion of liabilities [f:edgar.liabilities].
最近一季净利润为负12.5亿美元[f:edgar.net_income_quarter]，现金超过302亿美元[f:edgar.cash]。
过去一年营收增长5.5%至4125亿美元[f:edgar.revenue_year_change, f:edgar.revenue_year]。
最近一季净亏损12.5亿美元[f:edgar.net_income_quarter]，上年同期为盈利363.3亿美元[f:edgar.net_income_quarter_before]。
10年期美债收益率为4.11%[f:fred.DGS10]，同比下降0.15个百分点[f:fred.DGS10.change_year]。
股价较20日均线低3.14%【f:price.to_sma_20】。
每股收益由6.08美元升至6.91美元[f:edgar.eps_year_before][f:edgar.eps_year]。
14日RSI为35.14[f:price.rsi_14]，处于弱势区间。
2025财年营业利润为1289亿美元[f:edgar.operating_income_year]，2026年6月30日收于２００美元[f:price.close]。
Over the past 21 sessions the stock has shed 10.3% [f:price.return_21d].
The 63-day return of -18.5% [f:price.return_63d] confirms the weakness.
With an RSI of 35 [f:price.rsi_14], momentum is soft but not yet oversold.
MACD at -4.30 [f:price.macd] remains under its signal line at -4.20 [f:price.macd_signal].
The maximum drawdown reached 28.4% [f:price.drawdown_max].
Price is 7.2% under its 50-day average [f:price.to_sma_50].
Trading volume of 54.2 million shares [f:price.volume] was heavy.
Annual revenue: $412.5 billion (+5.5% YoY) [f:edgar.revenue_year, f:edgar.revenue_year_change].
Sales advanced 5.5 percent, reaching 412.5 billion dollars [f:edgar.revenue_year_change, f:edgar.revenue_year].
The company swung to a $1.25 billion loss in the December 2025 quarter [f:edgar.net_income_quarter].
It lost $0.08 a share [f:edgar.eps_quarter].
Operating cash flow declined by 2.6 percent year-on-year [f:edgar.cash_flow_year_change] to $115.2 billion [f:edgar.cash_flow_year].
Ten-year yields eased to 4.11% [f:fred.DGS10].
CPI is 3.5% lower than a year earlier [f:fred.CPIAUCSL.change_year].
Unemployment: 4.11% [f:fred.UNRATE] (a year ago: 4.26% [f:fred.UNRATE.year_ago]).
The latest filing covers the period to 27 December 2025 and was made on 30 January 2026.
- Watch whether the close recovers its 20-day average of $206.48 [f:price.sma_20].
- A break below $200 [f:price.low_year] would be a new low for the series.
**Bottom line:** growth of 5.5% [f:edgar.revenue_year_change] versus a falling price.
The bear's point 2 is weaker than its point 1.
Round 1 of the debate turned on cash flow.
截至2026年6月底，股价报200美元[f:price.close]，较50日均线低7.2%[f:price.to_sma_50]。
最大回撤达28.4%[f:price.drawdown_max]，RSI为35[f:price.rsi_14]。
全年营收4125亿美元，同比增长5.5%[f:edgar.revenue_year, f:edgar.revenue_year_change]。
2025年第四季度（截至12月27日）亏损12.5亿美元[f:edgar.net_income_quarter]。
经营现金流同比减少2.6%[f:edgar.cash_flow_year_change]，为1152亿美元[f:edgar.cash_flow_year]。
失业率从4.26%降至4.11%[f:fred.UNRATE.year_ago, f:fred.UNRATE]。
成交量约5416万股[f:price.volume]。
It grew 5.5% [f:edgar.revenue_year_change], more slowly than profit.
Growth of 5.5% [f:edgar.revenue_year_change] lagged the 11.6% profit gain [f:edgar.net_income_year_change].
While revenue grew, income fell to -$1.25 billion [f:edgar.net_income_quarter].
Net income of $104.6 billion [f:edgar.net_income_year] gave way to a loss of $1.25 billion [f:edgar.net_income_quarter].
The latest quarter aside, results were solid: $104.6 billion of net income for the year [f:edgar.net_income_year].
The company's obligations total $301.45 billion [f:edgar.liabilities].
The short-term rate, like the 10-year yield, is 4.11% [f:fred.FEDFUNDS].
The yield is down 0.15 points [f:fred.DGS10.change_year].
股价跌破50日均线，收于200美元[f:price.close]。
净利下滑，由盈转亏，亏损12.5亿美元[f:edgar.net_income_quarter]。
""".strip().split("\n")

FALSE = """
Sales were up by more than 6% [f:edgar.revenue_year_change].
Sales were up by more than 3% [f:edgar.revenue_year_change].
Sales were up by less than 5% [f:edgar.revenue_year_change].
Revenue was minus $412.5 billion [f:edgar.revenue_year].
Revenue growth was negative 5.5% [f:edgar.revenue_year_change].
The ten-year yield is 0.15 points higher than a year ago [f:fred.DGS10.change_year].
The company holds more than $31 billion in cash [f:edgar.cash].
最近一季净利润为12.5亿美元[f:edgar.net_income_quarter]。
Revenue grew 5.5% year over year to $421.5 billion [f:edgar.revenue_year_change, f:edgar.revenue_year].
Revenue fell 5.5% [f:edgar.revenue_year_change].
The most recent quarter shows net income of $1.25 billion [f:edgar.net_income_quarter].
A net loss of $104.6 billion in FY2025 [f:edgar.net_income_year].
The stock trades 3.14% above its 20-day moving average [f:price.to_sma_20].
RSI at 14 [f:price.rsi_14].
RSI (15 days) is 35.1 [f:price.rsi_14].
The 99-day average is $206.5 [f:price.sma_20].
A P/E of 28.9 looks rich [f:edgar.eps_year].
The market cap is $2.95 trillion [f:edgar.shares].
The yield rose 15 basis points [f:fred.DGS10.change_year].
Shipments up 15 percent [f:news.3].
We see 3 scenarios.
The stock could reach $250 by December 2026.
Cash of €30.25 billion [f:edgar.cash].
Revenue of $412.5 million [f:edgar.revenue_year].
Revenue of $0 trillion [f:edgar.cash].
Revenue grew 5.5 [f:edgar.revenue_year_change].
Revenue up by twelve percent.
About ½ of it, or 1/3.
The margin was 25.4% [f:edgar.net_income_year, f:edgar.revenue_year].
Version 3.2.1 of the product sold 40 million units.
It opened in 2015 stores, and came to 2010 [f:price.close].
P/E: 31x. EV/EBITDA: 22.5x
Revenue was 4.125e12 USD [f:edgar.revenue_year].
The close is 200 [f:price.close, f:nothing.here].
The close is 200 [f:].
营收为4152亿美元[f:edgar.revenue_year]。
营收下降5.5%[f:edgar.revenue_year_change]。
公司员工超过十六万人，增长百分之十二。
收于２０１美元[f:price.close]。
It is up to $200 [f:price.close] and was 180.
200 USD was the close.
The shares finished at 210 US dollars [f:price.close].
Over the past 21 sessions the stock has gained 10.3% [f:price.return_21d].
Over the past 22 sessions the stock has shed 10.3% [f:price.return_21d].
MACD at 4.30 [f:price.macd] is positive.
The maximum drawdown reached 24.8% [f:price.drawdown_max].
Volume of 54.2 billion shares [f:price.volume].
Annual revenue: $412.5 billion (+6.5% YoY) [f:edgar.revenue_year, f:edgar.revenue_year_change].
It earned $0.08 a share [f:edgar.eps_quarter].
Gross margin expanded to 46.9% [f:edgar.operating_income_year].
Analysts expect EPS of 7.50 next year.
Apple has about 164,000 employees and 500+ stores.
The stock trades at 29 times earnings [f:edgar.eps_year].
Liabilities are 4.3x equity [f:edgar.liabilities, f:edgar.equity].
股价报210美元[f:price.close]。
市盈率约29倍。
毛利率为46.9%[f:edgar.revenue_year]。
失业率从4.11%降至4.26%[f:fred.UNRATE.year_ago, f:fred.UNRATE]。
预计明年增长两成。
The close is well off the 52-week peak [f:price.high_year].
Liabilities of $301 billion [f:edgar.liabilities] are four times equity.
Operating income was $104.6 billion [f:edgar.net_income_year].
The close was 200 points [f:price.close].
The yield fell by 0.15 [f:fred.DGS10.change_year].
The 50-day average is $206.48 [f:price.sma_20].
全年营收为1312亿美元[f:edgar.revenue_quarter]。
""".strip().split("\n")

ADVICE = """
Recommendation: Buy
**Final verdict:** strong sell
FINAL TRANSACTION PROPOSAL: **HOLD**
We therefore recommend buying the shares.
Investors should consider selling into strength.
The stock is a buy.
Shares look like a strong buy here.
Our price target is unchanged.
Traders should avoid it.
Buy the dip.
建议投资者逢低买入。
综合来看，维持买入评级。
评级：增持
目标价为一百元。
""".strip().split("\n")

NO_ADVICE = """
Insider selling was heavy, and buy-side analysts disagree.
The case holds as long as the trend does. It is a holding company.
Management may sell the division; it bought back shares.
Sell-side coverage is thin. The bull case rests on growth.
Short interest is not among the facts. The judge finds the case for growth stronger.
公司出售了部分业务，并回购股份。
""".strip().split("\n")


@pytest.mark.parametrize("sentence", TRUE)
def test_a_true_sentence_passes(sentence: str) -> None:
    assert check(sentence, FACTS).findings == ()


@pytest.mark.parametrize("sentence", FALSE)
def test_a_false_or_uncited_sentence_does_not(sentence: str) -> None:
    assert check(sentence, FACTS).findings


@pytest.mark.parametrize("sentence", ADVICE)
def test_a_buy_or_sell_line_is_found_and_removed(sentence: str) -> None:
    assert [finding.fault for finding in check(sentence, FACTS).findings] == [Fault.RECOMMENDATION]
    assert remove_unproven(f"Growth slowed.\n\n{sentence}", FACTS)[0] == "Growth slowed."


@pytest.mark.parametrize("sentence", NO_ADVICE)
def test_talk_of_buying_and_selling_is_no_advice(sentence: str) -> None:
    assert check(sentence, FACTS).findings == ()


def test_a_finding_says_what_is_wrong_where() -> None:
    text = "Fine so far. The close was 187 USD [f:price.close]. It has 12 shops."
    first, second = check(text, FACTS).findings
    assert (first.fault, text[first.start : first.end], first.cited) == (Fault.WRONG_VALUE, "187 USD", ("price.close",))
    assert (second.fault, text[second.start : second.end]) == (Fault.UNCITED, "12")


def test_numbers_are_counted_with_those_that_are_proven() -> None:
    found = check("From 4.26% [f:fred.DGS10.year_ago] to 4.11% [f:fred.DGS10] in 2026, not 5%.", FACTS)
    assert (found.numbers, found.proven, len(found.findings)) == (3, 2, 1)


def test_a_citation_cannot_list_the_whole_snapshot() -> None:
    ids = ", ".join(f"f:{fact_id}" for fact_id in list(FACTS)[: CITED_TOGETHER_MAX + 1])
    assert [finding.fault for finding in check(f"The close was low [{ids}].", FACTS).findings] == [Fault.TOO_MANY_IDS]


LONG = (
    "数字 12 。", "1,", "12 ", "1 to ", "[f:", "(1", "Jan ", "- ", "**", "|", "\n", " ", ". ", "$", "one ", "we recommend ",
    "28.4 % [f:price.drawdown_max]\n", "28.4 %, ", "RSI (", "2020-",
)  # fmt: skip


@pytest.mark.parametrize("piece", LONG)
def test_a_text_as_long_as_a_model_can_write_is_checked_in_seconds(piece: str) -> None:
    """Of whatever it is made: time that grows with the square of the length would be minutes here."""
    text = piece * (24_000 // len(piece)) + "28.4 % [f:price.drawdown_max]"
    began = time.process_time()
    clean, _ = remove_unproven(text, FACTS)
    assert time.process_time() - began < 10
    assert check(clean, FACTS).findings == ()


FRAGMENTS = st.sampled_from(
    ["12", "4.11%", "$200", "[f:price.close]", "[f:none]", "The close", " fell ", ". ", "\n", "\n- ", "| ", "buy", "rating: ",
     "Inc.", "。", "百分之五", "2025", " to ", "-", "(", ")", "1. ", "## ", "strong ", "½", "１２", " in ",
     "[f:price.close, f:price.sma_20]"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join))
def test_whatever_is_written_what_is_left_has_no_finding(text: str) -> None:
    clean, removed = remove_unproven(text, FACTS)
    assert check(clean, FACTS).findings == ()
    assert bool(removed) == bool(check(text, FACTS).findings)
    if not removed:
        assert clean == text


def test_only_the_sentence_that_is_wrong_is_removed() -> None:
    text = "\n".join(
        [
            "## price",
            "",
            "The close was $200 [f:price.close]. It was $300 once. The trend is down.",
            "",
            "- RSI (14 days): 35.1 [f:price.rsi_14]",
            "- Target: 300",
            "",
            "| Close | 200 [f:price.close] |",
            "| Target | 300 |",
        ]
    )
    clean, removed = remove_unproven(text, FACTS)
    assert len(removed) == 3
    assert clean.split("\n") == [
        "## price",
        "",
        "The close was $200 [f:price.close]. The trend is down.",
        "",
        "- RSI (14 days): 35.1 [f:price.rsi_14]",
        "",
        "| Close | 200 [f:price.close] |",
    ]
