"""The words of a report in each language."""

from __future__ import annotations

from collections.abc import Mapping

from functions.research.words import Language

SECTIONS: Mapping[str, Mapping[Language, str]] = {
    key: {Language.ENGLISH: english, Language.CHINESE: chinese}
    for key, english, chinese in (
        ("summary", "Summary", "摘要"),
        ("price", "Price", "价格"),
        ("business", "Business", "业务"),
        ("news", "News", "新闻"),
        ("economy", "Economy", "宏观经济"),
        ("bull_and_bear", "Bull and bear", "多空观点"),
        ("risks", "Risks", "风险"),
        ("open_questions", "Open questions", "待解问题"),
    )
}
STAGES: Mapping[str, Mapping[Language, str]] = {
    key: {Language.ENGLISH: english, Language.CHINESE: chinese}
    for key, english, chinese in (
        ("price_analyst", "Price analyst", "价格分析"),
        ("filings_analyst", "Filings analyst", "财报分析"),
        ("news_analyst", "News analyst", "新闻分析"),
        ("macro_analyst", "Macro analyst", "宏观分析"),
        ("bull", "Optimistic case", "乐观观点"),
        ("bear", "Pessimistic case", "悲观观点"),
        ("judge", "Judgement of the debate", "辩论评判"),
        ("risk_review", "Risk review", "风险审查"),
        ("final_report", "Final report", "最终报告"),
        ("repair", "Repair", "修正"),
    )
}
LABELS: Mapping[str, Mapping[Language, str]] = {
    key: {Language.ENGLISH: english, Language.CHINESE: chinese}
    for key, english, chinese in (
        ("title", "Market research", "市场研究"),
        ("disclaimer", "Support for research, not financial advice", "仅供研究参考，不构成投资建议"),
        ("as_of", "As of", "截至"),
        ("incomplete", "This report is not complete", "本报告不完整"),
        ("charts", "Charts", "图表"),
        ("chart_price", "Close and its averages", "收盘价与均线"),
        ("chart_rsi", "RSI (14 days)", "RSI（14日）"),
        ("chart_drawdown", "Fall from the highest close, percent", "自最高收盘价的回撤（%）"),
        ("discussion", "How the view came about", "观点的形成"),
        ("facts", "Facts cited", "引用的数据"),
        ("sources", "Sources", "数据来源"),
        ("missing", "What was missing", "缺失的数据"),
        ("nothing_missing", "Nothing that was asked for was missing.", "所需数据没有缺失。"),
        ("verification", "Verification", "核对"),
        ("numbers", "numbers looked at", "核对的数字"),
        ("proven", "proven by a cited fact", "与引用数据一致"),
        ("repaired", "places put right by the repair", "修正的位置"),
        ("removed", "places removed as unproven", "因无法证实而删除的位置"),
        ("receipts", "Receipts", "收据"),
        ("models", "Models", "模型"),
        ("stage", "Stage", "步骤"),
        ("model", "Model", "模型"),
        ("receipt", "Receipt", "收据"),
        ("wallet", "Wallet", "钱包"),
        ("tokens", "Tokens in / out", "输入/输出 token"),
        ("charge", "Charge", "费用"),
        ("total", "Total", "合计"),
        ("fact", "Fact", "数据"),
        ("value", "Value", "数值"),
        ("window", "Days", "日期"),
        ("source", "Source", "来源"),
        ("adjustment", "Prices are", "价格口径"),
        ("snapshot", "Snapshot", "数据快照"),
        ("preset", "Preset", "方案"),
        ("run", "Run", "任务"),
        ("replayed", "replayed, not charged again", "重放，未再次收费"),
        ("raw", "raw", "未复权"),
        ("split", "adjusted for splits", "按拆股复权"),
        ("split_and_dividend", "adjusted for splits and dividends", "按拆股与股息复权"),
        ("quick", "quick", "快速"),
        ("deep", "deep", "深度"),
    )
}
NOTHING_TO_READ: Mapping[Language, str] = {
    Language.ENGLISH: "The sources of this part gave no data, so there is nothing to say here.",
    Language.CHINESE: "这一部分的数据来源没有提供数据，因此没有内容。",
}
