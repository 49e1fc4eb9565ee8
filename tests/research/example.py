"""A whole run over the sample data, with answers written here as a careful model would: `example_report(language)`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from functions.research.presets import PRESETS
from functions.research.report import Report, RunFacts, StepReceipt, build
from functions.research.request import ResearchRequest
from functions.research.snapshot import Snapshot, freeze
from functions.research.sources.sample import Sample
from tests.support.clocks import HandClock

AS_OF = date(2026, 11, 24)
ENGLISH = {
    "price_analyst": "The close is {price.close:.2f} USD [f:price.close], {price.to_sma_200:+.1f} % against its 200-day average "
    "[f:price.to_sma_200]. RSI (14 days) is {price.rsi_14:.1f} [f:price.rsi_14], which is neither stretched nor weak.",
    "news_analyst": "Four invented headlines are listed. One says that sales rose by 8.4 percent [f:news.3]; a headline alone "
    "proves only that it was printed.",
    "bull_1": "The trend over a year is up: the close gained {price.return_252d:.1f} % [f:price.return_252d].\n\n- It stands above "
    "its 50-day average by {price.to_sma_50:.1f} % [f:price.to_sma_50].\n- Volatility is moderate at "
    "{price.volatility_20d:.1f} % a year [f:price.volatility_20d].",
    "bear_1": "The momentum has faded: the MACD line of {price.macd:.2f} [f:price.macd] is below its signal line of "
    "{price.macd_signal:.2f} [f:price.macd_signal]. The series has already seen a drawdown of "
    "{-price.drawdown_max:.1f} % [f:price.drawdown_max].",
    "judge": "Both sides cite their facts correctly. The long trend is the stronger argument, the fading momentum the newer one.",
    "risk_review": "- The data is invented, so that nothing follows for a real company.\n- A fall to the lowest close of 52 weeks, "
    "{price.low_year:.2f} USD [f:price.low_year], would undo the trend.",
    "final_report": "## summary\n\nThe close of **{price.close:.2f} USD** [f:price.close] lies between the lowest and highest "
    "close of 52 weeks, {price.low_year:.2f} and {price.high_year:.2f} USD [f:price.low_year, f:price.high_year]. The trend of "
    "a year is up, while the momentum of the last weeks has faded.\n\n## price\n\nOver 21 trading days the close fell "
    "{-price.return_21d:.1f} % [f:price.return_21d]; over 252 trading days it rose {price.return_252d:.0f} % "
    "[f:price.return_252d].\n\n- RSI (14 days): {price.rsi_14:.0f} [f:price.rsi_14]\n- Average true range (14 days): "
    "{price.atr_14:.2f} USD [f:price.atr_14]\n- Shares traded: {price.volume:,} [f:price.volume]\n\nThe price should reach 175 "
    "USD soon. A made-up number has no place here [f:price.future].\n\n## news\n\nA supplier reports delays of 3 weeks "
    "[f:news.2].\n\n## bull and bear\n\nThe optimistic side points to the year, the pessimistic side to the last month. The "
    "judge finds the longer trend better supported.\n\n## risks\n\nThe largest drawdown of the series was "
    "{price.drawdown_max:.1f} % [f:price.drawdown_max]. Recommendation: buy.\n\n## open questions\n\n- Does the momentum turn "
    "before the 50-day average is reached?",
}
CHINESE = {
    "price_analyst": "收盘价为{price.close:.2f}美元[f:price.close]，与200日均线相比为{price.to_sma_200:+.1f}%[f:price.to_sma_200]。"
    "RSI（14日）为{price.rsi_14:.1f}[f:price.rsi_14]，既不过热也不疲弱。",
    "news_analyst": "列出的新闻均为虚构。其中一条称销售增长8.4%[f:news.3]。",
    "bull_1": "一年来趋势向上：252个交易日内收盘价上涨{price.return_252d:.1f}%[f:price.return_252d]。",
    "bear_1": "动能减弱：MACD为{price.macd:.2f}[f:price.macd]，信号线为{price.macd_signal:.2f}[f:price.macd_signal]。",
    "judge": "双方的引用都与数据一致。长期趋势的论据更有力。",
    "risk_review": "数据为虚构，因此不能推及任何真实公司。",
    "final_report": "## summary\n\n收盘价为**{price.close:.2f}美元**[f:price.close]，处于52周最低{price.low_year:.2f}美元与最高"
    "{price.high_year:.2f}美元之间[f:price.low_year, f:price.high_year]。长期趋势向上，近期动能减弱。\n\n## price\n\n"
    "21个交易日内下跌{-price.return_21d:.1f}%[f:price.return_21d]。目标价为175美元。\n\n## risks\n\n整个区间的最大回撤为"
    "{price.drawdown_max:.1f}%[f:price.drawdown_max]。建议买入。",
}


def example_request(language: str = "en", preset: str = "brief") -> ResearchRequest:
    """A request for the sample data."""
    body = {"symbol": "DEMO", "as_of": AS_OF.isoformat(), "preset": preset, "language": language}
    return ResearchRequest.parse(body, AS_OF)


def example_snapshot() -> Snapshot:
    """The sample data, frozen."""
    request = example_request()
    return freeze(request, [Sample().fetch(request, HandClock())])


def example_texts(snapshot: Snapshot, language: str = "en") -> Mapping[str, str]:
    """Answers with the snapshot's own values, and three places in the final report that must not get through."""
    return {stage: _filled(text, snapshot) for stage, text in (CHINESE if language == "zh" else ENGLISH).items()}


def example_report(language: str = "en") -> Report:
    """The report of that run."""
    request, snapshot = example_request(language), example_snapshot()
    receipts = tuple(
        StepReceipt(
            stage.stage_id, f"sandbox-{stage.tier}", f"req_{number:06d}", "official", "USD", "0.00125", 3100, 240
        )
        for number, stage in enumerate(PRESETS["brief"].stages(request.sources))
        if not stage.optional
    )
    models = {"quick": "sandbox-quick", "deep": "sandbox-deep"}
    return build(
        request, snapshot, RunFacts("run_0001", "completed", models, receipts), example_texts(snapshot, language)
    )


def _filled(template: str, snapshot: Snapshot) -> str:
    """`{price.close:.2f}` is the value of that fact, `{-…}` without its minus."""
    text = template
    for fact in snapshot.facts:
        for sign in ("", "-"):
            while f"{{{sign}{fact.fact_id}:" in text:
                before, _, rest = text.partition(f"{{{sign}{fact.fact_id}:")
                spec, _, after = rest.partition("}")
                value = Decimal(fact.value) * (-1 if sign else 1)
                text = f"{before}{value:{spec}}{after}"
    return text
